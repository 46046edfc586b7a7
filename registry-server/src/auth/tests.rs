use base64::{Engine, engine::general_purpose};
use http::header::AUTHORIZATION;

use super::*;
use crate::reload::Outcome;

/// A gate over files with the users `reader` and `admin`, password `secret`, that can be changed.
struct Fixture {
    directory: tempfile::TempDir,
    gate: Gate,
}

impl Fixture {
    fn new(rules: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let hash = bcrypt::hash("secret", 4).unwrap();
        std::fs::write(directory.path().join("users"), format!("reader:{hash}\nadmin:{hash}\n")).unwrap();
        let settings =
            crate::config::Htpasswd { realm: "My \"Realm\"".to_owned(), path: directory.path().join("users") };
        let policy = rules.map(|rules| {
            let path = directory.path().join("rules");
            std::fs::write(&path, rules).unwrap();
            path
        });
        let gate = Gate::new(Some(&settings), policy.as_deref(), metrics::Auth::default()).unwrap();
        Self { directory, gate }
    }

    async fn identify(&self, user: &str, password: &str) -> Result<Principal, Refused> {
        let mut headers = HeaderMap::new();
        let encoded = general_purpose::STANDARD.encode(format!("{user}:{password}"));
        headers.insert(AUTHORIZATION, format!("Basic {encoded}").parse().unwrap());
        self.gate.identify(&headers, None).await
    }

    fn poll(&self) -> Vec<Outcome> {
        self.gate.reloading().iter().map(|files| files.poll()).collect()
    }
}

const RULES: &str = "rules: [{users: [reader], actions: [pull]}, {users: [admin], actions: [pull, push, delete]}]";

fn repository() -> Repository {
    "team/app".parse().unwrap()
}

fn is_unauthenticated(refused: &Refused) -> bool {
    matches!(refused, Refused::Unauthenticated { challenge } if challenge == "Basic realm=\"My \\\"Realm\\\"\"")
}

#[tokio::test]
async fn an_open_gate_asks_nobody() {
    let gate = Gate::open();
    let principal = gate.identify(&HeaderMap::new(), None).await.unwrap();
    assert!(gate.authorize_base(&principal).is_ok() && gate.authorize_catalog(&principal).is_ok());
    assert!(gate.may(&principal, Action::Delete, &repository()));
}

#[tokio::test]
async fn without_rules_a_user_may_do_everything_and_others_nothing() {
    let fixture = Fixture::new(None);
    let user = fixture.identify("reader", "secret").await.unwrap();
    assert_eq!(user.name(), Some("reader"));
    assert!(fixture.gate.may(&user, Action::Delete, &repository()));

    let refused = fixture.gate.authorize(&Principal::ANONYMOUS, Action::Pull, &repository()).unwrap_err();
    assert!(is_unauthenticated(&refused), "{refused:?}");
    for (user, password) in [("reader", "wrong"), ("stranger", "secret")] {
        assert!(is_unauthenticated(&fixture.identify(user, password).await.unwrap_err()));
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let fixture = Fixture::new(Some(RULES));
    let reader = fixture.identify("reader", "secret").await.unwrap();
    assert!(fixture.gate.authorize(&reader, Action::Pull, &repository()).is_ok());
    let refused = fixture.gate.authorize(&reader, Action::Push, &repository()).unwrap_err();
    assert_eq!(refused.to_string(), "push of repository team/app is not allowed");
}

#[tokio::test]
async fn the_base_asks_for_credentials_even_if_anonymous_rules_exist() {
    let fixture = Fixture::new(Some("rules: [{anonymous: true, actions: [pull]}]"));
    let anonymous = fixture.gate.identify(&HeaderMap::new(), None).await.unwrap();
    assert!(is_unauthenticated(&fixture.gate.authorize_base(&anonymous).unwrap_err()));
    assert!(fixture.gate.may(&anonymous, Action::Pull, &repository()));
    assert!(fixture.gate.authorize_catalog(&anonymous).is_ok());
    // Logging in could give more rights, so it is asked for, not denied.
    assert!(is_unauthenticated(&fixture.gate.authorize(&anonymous, Action::Push, &repository()).unwrap_err()));
}

#[tokio::test]
async fn a_rotated_password_replaces_the_old_one_at_once() {
    let fixture = Fixture::new(None);
    fixture.identify("reader", "secret").await.unwrap();
    let hash = bcrypt::hash("second", 4).unwrap();
    std::fs::write(fixture.directory.path().join("users"), format!("reader:{hash}\n")).unwrap();
    assert_eq!(fixture.poll(), [Outcome::Changed]);

    fixture.identify("reader", "second").await.unwrap();
    assert!(fixture.identify("reader", "secret").await.is_err(), "the old password was remembered");
}

#[tokio::test]
async fn bad_files_leave_users_and_rules_as_they_are() {
    let fixture = Fixture::new(Some(RULES));
    let before = (fixture.gate.users_sha256(), fixture.gate.policy_sha256());
    std::fs::write(fixture.directory.path().join("users"), "reader:plain\n").unwrap();
    std::fs::write(fixture.directory.path().join("rules"), "rules: [{}]").unwrap();
    assert!(fixture.poll().iter().all(|outcome| matches!(outcome, Outcome::Refused(_))));

    let reader = fixture.identify("reader", "secret").await.unwrap();
    assert!(fixture.gate.may(&reader, Action::Pull, &repository()));
    assert_eq!((fixture.gate.users_sha256(), fixture.gate.policy_sha256()), before);
}

#[tokio::test]
async fn guessing_is_throttled_and_never_keeps_out_who_is_known() {
    let fixture = Fixture::new(None);
    fixture.identify("reader", "secret").await.unwrap();
    let mut throttled = false;
    for attempt in 0..200 {
        let refused = fixture.identify("reader", &format!("guess {attempt}")).await.unwrap_err();
        throttled |= matches!(refused, Refused::Throttled { .. });
    }
    assert!(throttled);
    assert!(fixture.identify("reader", "secret").await.is_ok());
}

#[test]
fn a_missing_file_says_how_to_make_one() {
    let settings = crate::config::Htpasswd { realm: "r".to_owned(), path: "/nowhere/htpasswd".into() };
    let error = Gate::new(Some(&settings), None, metrics::Auth::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "failed to load users: /nowhere/htpasswd: No such file or directory (os error 2); make the file with \
         `htpasswd -Bbn USER PASSWORD > /nowhere/htpasswd`"
    );
}

//! Logging in: users from a file, the cache of right passwords, the throttle and the check, in this order.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderValue;

use super::{
    Error, Principal, Refused,
    basic::Credentials,
    htpasswd::{self, Users},
    throttle::Throttle,
    verify::{self, Verifier},
};
use crate::{
    config::Htpasswd,
    metrics,
    reload::{Content, Poll, Reloading},
};

/// When it is worth trying again after the queue of password checks was full.
const OVERLOADED_RETRY: Duration = Duration::from_secs(2);

/// Bad lines of a file that are told one by one.
const TOLD: usize = 20;

/// What is needed where users log in.
pub(super) struct Logins {
    challenge: HeaderValue,
    users: Arc<Reloading<Users>>,
    verifier: Verifier,
    throttle: Throttle,
    metrics: metrics::Auth,
}

impl Logins {
    /// # Errors
    /// When the file cannot be read or has no line that can be used.
    pub(super) fn new(settings: &Htpasswd, metrics: metrics::Auth) -> Result<Self, Error> {
        let users = Reloading::open("htpasswd", vec![settings.path.clone()], |contents| load_users(&contents[0]))
            .map_err(|reason| Error::Users { path: settings.path.clone(), reason })?;
        Ok(Self {
            challenge: challenge(&settings.realm),
            users: Arc::new(users),
            verifier: Verifier::new().map_err(|_| Error::Random)?,
            throttle: Throttle::default(),
            metrics,
        })
    }

    /// The users' file, to be read again when it changes.
    pub(super) fn users(&self) -> Arc<dyn Poll> {
        Arc::clone(&self.users) as Arc<dyn Poll>
    }

    /// SHA-256 in hex of the users' file in force.
    pub(super) fn users_sha256(&self) -> String {
        self.users.current().sha256.clone()
    }

    /// 401 with the challenge.
    pub(super) fn unauthenticated(&self) -> Refused {
        Refused::Unauthenticated { challenge: self.challenge.clone() }
    }

    /// The user whose name and password these are.
    pub(super) async fn identify(&self, credentials: Credentials, peer: Option<IpAddr>) -> Result<Principal, Refused> {
        let Credentials { user, password } = credentials;
        let users = self.users.snapshot();
        // Before the throttle: somebody else's guesses must not keep out a client that is known to be right.
        if self.verifier.remembers(&users, &user, &password) {
            self.metrics.remembered.inc();
            return Ok(Principal::user(user));
        }
        if let Err(retry_after) = self.throttle.check(peer, &user, Instant::now()) {
            self.metrics.throttled.inc();
            return Err(Refused::Throttled { retry_after });
        }
        match self.verifier.check(&users, &user, password).await {
            Err(verify::Busy) => {
                self.metrics.overloaded.inc();
                Err(Refused::Overloaded { retry_after: OVERLOADED_RETRY })
            }
            Ok(true) => {
                self.metrics.right.inc();
                self.throttle.succeeded(peer, &user);
                Ok(Principal::user(user))
            }
            Ok(false) => {
                self.metrics.wrong.inc();
                self.throttle.failed(peer, &user, Instant::now());
                Err(self.unauthenticated())
            }
        }
    }
}

/// `Basic realm="..."`. Control characters cannot be in a header and are left out.
fn challenge(realm: &str) -> HeaderValue {
    let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"").replace(char::is_control, "");
    HeaderValue::try_from(format!("Basic realm=\"{quoted}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("Basic realm=\"Registry\""))
}

/// The first of `problems`, and how many more there are: a file of another kind has one in every line.
fn some(mut problems: Vec<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(TOLD);
    problems.truncate(TOLD);
    problems.extend((more > 0).then(|| format!("and {more} lines more")));
    problems
}

/// Bad lines are told and left out. A file in which nothing but bad lines is left is refused; an empty one says that nobody
/// may log in.
fn load_users(content: &Content) -> Result<Users, String> {
    let path = content.path.display().to_string();
    let text = std::str::from_utf8(&content.bytes).map_err(|_| format!("{path}: it is not UTF-8 text"))?;
    let (mut users, problems) = htpasswd::parse(text, &path);
    let problems = some(problems);
    if users.len() == 0 && !problems.is_empty() {
        return Err(problems.join("; "));
    }
    for problem in problems {
        tracing::error!("user refused, others keep working: {problem}");
    }
    if users.len() == 0 {
        tracing::warn!("{path} has no users: nobody can log in");
    }
    users.sha256 = content.sha256();
    Ok(users)
}

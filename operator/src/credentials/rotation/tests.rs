use proptest::prelude::*;

use super::*;

const GRACE: SignedDuration = SignedDuration::from_mins(5);

fn noon() -> Timestamp {
    "2031-05-06T12:00:00Z".parse().unwrap()
}

fn source(version: &str) -> Source {
    Source { uid: "u-1".into(), resource_version: version.into(), key: "password".into() }
}

fn wanted(user: &str, password: &str, version: &str) -> Wanted {
    Wanted { user: user.into(), password: Some((Password::parse(password.as_bytes()).unwrap(), source(version))) }
}

fn hashed(user: &str, hash: &str) -> BTreeMap<String, Outcome> {
    [(user.to_owned(), Outcome::Hashed(hash.into()))].into()
}

fn hashes(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.hash.as_str()).collect()
}

fn line(user: &str, hash: &str, version: &str) -> Line {
    Line { user: user.into(), hash: hash.into(), source: Some(source(version)), superseded_at: None }
}

#[test]
fn a_new_user_is_hashed_and_then_left_alone() {
    let cook = [wanted("cook", "pepper", "1")];
    let todo = work(&[], &cook);
    assert_eq!(todo.len(), 1);
    assert_eq!(todo[0].hash, None);

    let Next { lines, next } = advance(&[], &cook, &hashed("cook", "h1"), false, noon(), GRACE);

    assert_eq!(lines, [line("cook", "h1", "1")]);
    assert_eq!(next, None);
    assert!(work(&lines, &cook).is_empty(), "its version is recorded");
}

#[test]
fn a_rotation_has_no_gap() {
    let start = [line("cook", "h1", "1")];
    let cook = [wanted("cook", "salt", "2")];
    assert_eq!(work(&start, &cook)[0].hash.as_deref(), Some("h1"));

    // Both are accepted while Pods learn of the new one, however long that takes.
    let added = advance(&start, &cook, &hashed("cook", "h2"), true, noon(), GRACE);
    assert_eq!(hashes(&added.lines), ["h1", "h2"]);
    let waiting = advance(&added.lines, &cook, &BTreeMap::new(), false, noon() + GRACE * 10, GRACE);
    assert_eq!(hashes(&waiting.lines), ["h1", "h2"]);
    assert_eq!(waiting.next, None);

    // Loaded: the grace period begins.
    let loaded_at = noon() + GRACE * 10;
    let loaded = advance(&waiting.lines, &cook, &BTreeMap::new(), true, loaded_at, GRACE);
    assert_eq!(hashes(&loaded.lines), ["h1", "h2"]);
    assert_eq!(loaded.next, Some(loaded_at + GRACE));

    // The file was the same, so nothing had to be loaded again; when the time comes the old line goes.
    assert_eq!(super::super::htpasswd::file(&loaded.lines), super::super::htpasswd::file(&waiting.lines));
    let before =
        advance(&loaded.lines, &cook, &BTreeMap::new(), true, loaded_at + GRACE - SignedDuration::from_secs(1), GRACE);
    assert_eq!(hashes(&before.lines), ["h1", "h2"]);
    let after = advance(&loaded.lines, &cook, &BTreeMap::new(), true, loaded_at + GRACE, GRACE);
    assert_eq!(after, Next { lines: vec![line("cook", "h2", "2")], next: None });
}

#[test]
fn a_secret_that_was_only_touched_is_recorded_and_not_hashed() {
    let start = [line("cook", "h1", "1")];
    let cook = [wanted("cook", "pepper", "9")];
    assert_eq!(work(&start, &cook).len(), 1);
    let verified = [("cook".to_owned(), Outcome::Verified)].into();
    assert_eq!(advance(&start, &cook, &verified, true, noon(), GRACE).lines, [line("cook", "h1", "9")]);
}

#[test]
fn an_unreadable_password_keeps_the_last_good_lines() {
    let start = [line("cook", "h1", "1"), line("guest", "g1", "1")];
    let unreadable = [Wanted { user: "cook".into(), password: None }, wanted("guest", "x", "1")];
    assert!(work(&start, &unreadable).is_empty());
    assert_eq!(advance(&start, &unreadable, &BTreeMap::new(), true, noon(), GRACE).lines, start);
}

#[test]
fn a_user_that_is_no_longer_wanted_goes_at_once() {
    let start = [line("cook", "h1", "1"), line("guest", "g1", "1")];
    let next = advance(&start, &[wanted("guest", "x", "1")], &BTreeMap::new(), false, noon(), GRACE);
    assert_eq!(hashes(&next.lines), ["g1"]);
}

#[derive(Clone, Debug)]
enum Step {
    Change(String),
    Load,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof!["[a-c]".prop_map(Step::Change), Just(Step::Load), (0_i64..600).prop_map(Step::Wait),]
}

proptest! {
    /// Whatever happens in whatever order: the newest line is the current password's, at most `MAX_LINES` are kept, and a line
    /// that Pods may be the only ones to know of goes only when a newer one has been loaded for the whole grace period.
    #[test]
    fn the_current_password_is_always_accepted(steps in prop::collection::vec(step(), 0..40)) {
        let (mut lines, mut now, mut version, mut password) = (Vec::new(), noon(), 0, "a".to_owned());
        for step in steps {
            let mut loaded = false;
            match step {
                Step::Change(new) => { password = new; version += 1; }
                Step::Load => loaded = true,
                Step::Wait(seconds) => now += SignedDuration::from_secs(seconds),
            }
            let user = [wanted("cook", &password, &version.to_string())];
            // The hash stands for the password, so that verifying is comparing.
            let outcomes = work(&lines, &user).into_iter().map(|work| {
                let same = work.hash.as_deref() == Some(work.password.expose());
                (work.user, if same { Outcome::Verified } else { Outcome::Hashed(password.clone()) })
            }).collect();
            let before = lines.clone();
            lines = advance(&lines, &user, &outcomes, loaded, now, GRACE).lines;

            prop_assert_eq!(&newest(&lines, "cook").unwrap().hash, &password);
            prop_assert!(lines.len() <= MAX_LINES);
            prop_assert!(work(&lines, &user).is_empty(), "nothing is hashed twice");
            let gone = before.len().saturating_sub(lines.len());
            for line in before.iter().take(gone) {
                prop_assert!(line.superseded_at.is_some_and(|since| now >= since + GRACE));
            }
        }
    }
}

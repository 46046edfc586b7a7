//! How a new password takes over from an old one without a gap: pure, time in, decision out.
//!
//! ```text
//! password changes   the new line is added after the old one        both are accepted as soon as the file is loaded
//! loaded             the old line is marked as superseded           the pull and push Secrets get the new password
//! grace period over  the old line goes                              clients had time to read the Secrets again
//! ```
//! A user that is no longer wanted goes at once. A user whose password cannot be read keeps the last good lines.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Line, Password, Source};

/// Lines that one user can have at a time.
const MAX_LINES: usize = 4;

/// A user that the file has to have.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Name of the user.
    pub user: String,
    /// The password and where it came from; `None` when it cannot be read now.
    pub password: Option<(Password, Source)>,
}

/// A password to verify against a hash, or to hash.
#[derive(Clone, Debug)]
pub struct Work {
    /// Name of the user.
    pub user: String,
    /// The password.
    pub password: Password,
    /// The newest hash of that user.
    pub hash: Option<String>,
}

/// What came out of [`Work`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The newest hash is this password's.
    Verified,
    /// It is not, and this one is.
    Hashed(String),
}

/// The file as it has to be now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its lines.
    pub lines: Vec<Line>,
    /// When the next old line goes.
    pub next: Option<Timestamp>,
}

/// What has to be verified or hashed: passwords of which the file does not know this version.
#[must_use]
pub fn work(lines: &[Line], wanted: &[Wanted]) -> Vec<Work> {
    wanted
        .iter()
        .filter_map(|user| {
            let (password, source) = user.password.as_ref()?;
            let newest = newest(lines, &user.user);
            let known = newest.is_some_and(|line| line.source.as_ref() == Some(source));
            (!known).then(|| Work {
                user: user.user.clone(),
                password: password.clone(),
                hash: newest.map(|line| line.hash.clone()),
            })
        })
        .collect()
}

/// The lines that follow from `lines`. `loaded`: every running Pod has said that it accepts exactly `lines`.
#[must_use]
pub fn advance(
    lines: &[Line],
    wanted: &[Wanted],
    outcomes: &BTreeMap<String, Outcome>,
    loaded: bool,
    now: Timestamp,
    grace: SignedDuration,
) -> Next {
    let lines: Vec<_> = wanted
        .iter()
        .flat_map(|user| {
            let own = lines.iter().filter(|line| line.user == user.user).cloned().collect();
            let own = without_expired(with_superseded(own, loaded, now), now, grace);
            bounded(with_outcome(own, user, outcomes.get(&user.user)))
        })
        .collect();
    let next = lines.iter().filter_map(|line| line.superseded_at).map(|since| since + grace).min();
    Next { lines, next }
}

/// The line that says what the user's password is.
#[must_use]
pub fn newest<'a>(lines: &'a [Line], user: &str) -> Option<&'a Line> {
    lines.iter().rfind(|line| line.user == user)
}

/// All lines but the newest are superseded from the moment on when every Pod knows the newest.
fn with_superseded(mut own: Vec<Line>, loaded: bool, now: Timestamp) -> Vec<Line> {
    if loaded && let Some((_, older)) = own.split_last_mut() {
        for line in older {
            line.superseded_at.get_or_insert(now);
        }
    }
    own
}

fn without_expired(own: Vec<Line>, now: Timestamp, grace: SignedDuration) -> Vec<Line> {
    own.into_iter().filter(|line| line.superseded_at.is_none_or(|since| now < since + grace)).collect()
}

/// A verified password's new version belongs to the newest line, which it was verified against; a hashed one is a new line.
fn with_outcome(mut own: Vec<Line>, user: &Wanted, outcome: Option<&Outcome>) -> Vec<Line> {
    let (Some(outcome), Some((_, source))) = (outcome, &user.password) else { return own };
    match outcome {
        Outcome::Verified => {
            if let Some(newest) = own.last_mut() {
                newest.source = Some(source.clone());
            }
        }
        Outcome::Hashed(hash) => own.push(Line {
            user: user.user.clone(),
            hash: hash.clone(),
            source: Some(source.clone()),
            superseded_at: None,
        }),
    }
    own
}

/// Somebody who changes a password faster than Pods load it must not make every login slower: the oldest lines go.
fn bounded(mut own: Vec<Line>) -> Vec<Line> {
    own.drain(..own.len().saturating_sub(MAX_LINES));
    own
}

#[cfg(test)]
mod tests;

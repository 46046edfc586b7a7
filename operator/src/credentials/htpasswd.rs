//! The htpasswd file, and the record of where each of its lines came from.
//!
//! The record is an annotation on the Secret that holds the file: one entry a line, in the same order. A record that does not
//! fit the file, because somebody edited one of the two, counts as none: the lines are then verified again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Name of the user; a user may have several lines, of which the last is the newest.
    pub user: String,
    /// The bcrypt hash.
    pub hash: String,
    /// What was hashed, as far as it is known.
    pub source: Option<Source>,
    /// Since when every Pod knows a newer line of the same user.
    pub superseded_at: Option<Timestamp>,
}

impl Line {
    /// A line of which nobody knows what was hashed.
    #[must_use]
    pub fn of_file(user: &str, hash: &str) -> Self {
        Self { user: user.to_owned(), hash: hash.to_owned(), source: None, superseded_at: None }
    }
}

/// A version of a key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The Secret: its uid, so that a new one of the same name counts as another.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// The key in it.
    pub key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_at: Option<Timestamp>,
}

/// Reads the file and its record. Lines that are none are left out.
#[must_use]
pub fn parse(file: &str, record: Option<&str>) -> Vec<Line> {
    let lines: Vec<_> = file.lines().filter_map(|line| line.split_once(':')).collect();
    let entries = record.and_then(|record| serde_json::from_str::<Vec<Entry>>(record).ok()).unwrap_or_default();
    let fits = entries.len() == lines.len() && entries.iter().zip(&lines).all(|(entry, (user, _))| entry.user == *user);
    let mut entries = entries.into_iter().filter(|_| fits);
    lines
        .into_iter()
        .map(|(user, hash)| {
            let (source, superseded_at) =
                entries.next().map_or((None, None), |entry| (entry.source, entry.superseded_at));
            Line { user: user.to_owned(), hash: hash.to_owned(), source, superseded_at }
        })
        .collect()
}

/// The file of these lines.
#[must_use]
pub fn file(lines: &[Line]) -> String {
    lines.iter().flat_map(|line| [line.user.as_str(), ":", line.hash.as_str(), "\n"]).collect()
}

/// The record of these lines, in JSON; `None` when nothing is known of them, as of a user's own file.
#[must_use]
pub fn record(lines: &[Line]) -> Option<String> {
    lines.iter().find(|line| line.source.is_some() || line.superseded_at.is_some())?;
    let entries: Vec<_> = lines
        .iter()
        .map(|line| Entry { user: line.user.clone(), source: line.source.clone(), superseded_at: line.superseded_at })
        .collect();
    // Strings and numbers alone: there is nothing that JSON could refuse.
    serde_json::to_string(&entries).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines() -> Vec<Line> {
        let source = Source { uid: "u-1".into(), resource_version: "41".into(), key: "pw".into() };
        vec![
            Line {
                user: "cook".into(),
                hash: "$2b$10$old".into(),
                source: Some(source.clone()),
                superseded_at: Some("2031-05-06T07:08:09Z".parse().unwrap()),
            },
            Line { user: "cook".into(), hash: "$2b$10$new".into(), source: Some(source), superseded_at: None },
            Line { user: "guest".into(), hash: "$2b$10$guest".into(), source: None, superseded_at: None },
        ]
    }

    #[test]
    fn the_file_is_what_htpasswd_writes() {
        assert_eq!(file(&lines()), "cook:$2b$10$old\ncook:$2b$10$new\nguest:$2b$10$guest\n");
    }

    #[test]
    fn file_and_record_are_read_back() {
        assert_eq!(parse(&file(&lines()), record(&lines()).as_deref()), lines());
    }

    #[test]
    fn a_record_of_another_file_counts_as_none() {
        let edited = "cook:$2b$10$old\nguest:$2b$10$guest\n";
        let read = parse(edited, record(&lines()).as_deref());
        assert_eq!(read.len(), 2);
        assert!(read.iter().all(|line| line.source.is_none() && line.superseded_at.is_none()));
    }

    proptest! {
        #[test]
        fn reading_never_panics(file in "\\PC{0,80}", record in "\\PC{0,80}") {
            let _ = parse(&file, Some(&record));
        }
    }
}

//! Users and the bcrypt hashes of their passwords, from a file as Apache's `htpasswd -B` writes it. Pure: hashes nothing.
//!
//! A user may have several lines, each good for logging in: during a rotation the old and the new password both work.

use std::collections::HashMap;

/// The cheapest hash that is accepted, bcrypt's own minimum.
const MIN_COST: u32 = 4;

/// The dearest hash that is accepted: about a second of one processor for each login.
const MAX_COST: u32 = 14;

/// Most lines of one user. Two is a rotation; every line is tried, and costs time, at each login.
const MAX_LINES: usize = 8;

/// The users of a file.
#[derive(Debug, Default)]
pub(crate) struct Users {
    lines: HashMap<String, Vec<Line>>,
    /// The most that checking one wrong password costs, in units of [`Line::work`].
    max_work: u64,
    /// SHA-256 of the file in hex.
    pub(crate) sha256: String,
}

/// One hash of one user's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `$2y$10$...`, 60 characters.
    pub(super) hash: String,
    cost: u32,
}

impl Line {
    /// What checking a password against this line costs: bcrypt's rounds.
    pub(super) fn work(&self) -> u64 {
        1 << self.cost
    }
}

/// A line that is not used, as a sentence.
pub(super) type Problem = String;

impl Users {
    /// The lines of `user`; none for an unknown user.
    pub(super) fn lines(&self, user: &str) -> &[Line] {
        self.lines.get(user).map_or(&[], Vec::as_slice)
    }

    /// What has to be spent beyond `spent` before a password is called wrong, so that it takes as long for every user,
    /// known or not.
    pub(super) fn remaining_work(&self, spent: u64) -> u64 {
        self.max_work.saturating_sub(spent)
    }

    /// How many users can log in.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }
}

/// Reads the lines of a file called `path`. Lines that cannot be used are told; the others work.
pub(super) fn parse(text: &str, path: &str) -> (Users, Vec<Problem>) {
    let (mut users, mut problems) = (Users::default(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(reason) = add(&mut users, line) {
            problems.push(format!("{path} line {}: {reason}", index + 1));
        }
    }
    let work_of = |lines: &Vec<Line>| lines.iter().map(Line::work).sum();
    users.max_work = users.lines.values().map(work_of).max().unwrap_or(0);
    (users, problems)
}

fn add(users: &mut Users, line: &str) -> Result<(), String> {
    let Some((user, hash)) = line.split_once(':').filter(|(user, _)| !user.is_empty()) else {
        return Err("it is not of the form USER:HASH; make such a line with `htpasswd -Bbn USER PASSWORD`".to_owned());
    };
    let cost = cost(hash).map_err(|reason| {
        format!(
            "the password of user {user:?} {reason}; replace the line by the output of `htpasswd -Bbn {user} PASSWORD`"
        )
    })?;
    let lines = users.lines.entry(user.to_owned()).or_default();
    let line = Line { hash: hash.to_owned(), cost };
    if lines.contains(&line) {
        return Ok(());
    }
    if lines.len() == MAX_LINES {
        return Err(format!("user {user:?} has more than {MAX_LINES} lines; remove those no longer needed"));
    }
    lines.push(line);
    Ok(())
}

/// The cost of a bcrypt hash that can be used, or why it cannot.
fn cost(hash: &str) -> Result<u32, String> {
    let Some(rest) = ["$2y$", "$2a$", "$2b$"].iter().find_map(|prefix| hash.strip_prefix(prefix)) else {
        return Err(format!("is {}", kind(hash)));
    };
    let Some((cost, digits)) = rest.split_once('$') else {
        return Err("is a bcrypt hash that was cut off".to_owned());
    };
    let well_formed =
        digits.len() == 53 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte));
    if !well_formed || cost.len() != 2 || !cost.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("is a bcrypt hash that was cut off or changed".to_owned());
    }
    match cost.parse::<u32>() {
        Ok(cost) if (MIN_COST..=MAX_COST).contains(&cost) => Ok(cost),
        _ => Err(format!("has bcrypt cost {cost}, it has to be from {MIN_COST} to {MAX_COST}")),
    }
}

fn kind(hash: &str) -> &'static str {
    match hash {
        _ if hash.starts_with("$apr1$") || hash.starts_with("$1$") => "hashed with MD5, which is not accepted",
        _ if hash.starts_with("{SHA}") => "hashed with SHA-1, which is not accepted",
        _ if hash.starts_with("$5$") || hash.starts_with("$6$") => "hashed with SHA-crypt, which is not accepted",
        _ if hash.starts_with("$2x$") => "hashed with a faulty old bcrypt ($2x$), which is not accepted",
        _ => "not hashed with bcrypt",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    fn problems(text: &str) -> Vec<String> {
        parse(text, "/auth/htpasswd").1
    }

    #[test]
    fn several_lines_of_a_user_are_kept_and_others_beside_bad_ones() {
        let other = HASH.replace("$05$", "$06$");
        let text = format!("# users\n\nci:{HASH}\r\nci:{other}\nci:{HASH}\nold:$apr1$x$y\n");
        let (users, problems) = parse(&text, "/auth/htpasswd");
        assert_eq!(users.lines("ci").iter().map(|line| line.hash.as_str()).collect::<Vec<_>>(), [HASH, &other]);
        assert_eq!(users.lines("old"), []);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn every_kind_of_bad_line_is_named_with_the_command_that_makes_a_right_one() {
        assert_eq!(
            problems("amy:$apr1$salt$hash"),
            [
                "/auth/htpasswd line 1: the password of user \"amy\" is hashed with MD5, which is not accepted; replace the \
              line by the output of `htpasswd -Bbn amy PASSWORD`"
            ]
        );
        let cases = [
            ("amy", "not of the form"),
            (":x", "not of the form"),
            ("amy:secret", "not hashed with bcrypt"),
            ("amy:{SHA}abc", "SHA-1"),
            ("amy:$6$abc", "SHA-crypt"),
            ("amy:$2y$10$abc", "cut off"),
            ("amy:$2y$10", "cut off"),
        ];
        for (line, reason) in cases {
            assert!(problems(line)[0].contains(reason), "{line}: {:?}", problems(line));
        }
        for (from, to) in [("$2y$", "$2x$"), ("$05$", "$03$"), ("$05$", "$15$"), ("$05$", "$+5$")] {
            let line = format!("amy:{}", HASH.replace(from, to));
            assert_eq!(problems(&line).len(), 1, "{line}");
        }
    }

    #[test]
    fn a_problem_never_shows_the_hash() {
        assert!(!problems("amy:plaintext-secret")[0].contains("plaintext-secret"));
    }

    #[test]
    fn the_work_of_a_wrong_password_is_that_of_the_dearest_user() {
        let text = format!("ci:{HASH}\nci:{}\namy:{HASH}\n", HASH.replace("$05$", "$06$"));
        let (users, _) = parse(&text, "f");
        assert_eq!(users.remaining_work(0), 32 + 64);
        assert_eq!(users.remaining_work(users.lines("amy").iter().map(Line::work).sum()), 64);
    }

    #[test]
    fn the_number_of_lines_of_a_user_is_bounded() {
        let text: String = (0..10)
            .map(|index| format!("ci:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe{index}\n"))
            .collect();
        let (users, problems) = parse(&text, "f");
        assert_eq!((users.lines("ci").len(), problems.len()), (MAX_LINES, 2));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,200}") {
            parse(&text, "f");
        }

        #[test]
        fn parsing_lines_never_panics(text in "([a-z]{0,3}:?\\$2[axyb]\\$[0-9]{0,3}\\$?[a-z.]{0,60}\n){0,4}") {
            parse(&text, "f");
        }
    }
}

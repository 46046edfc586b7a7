//! Users and the bcrypt hashes of their passwords, from a file as Apache's `htpasswd -B` writes it. Pure: hashes nothing.
//!
//! A user may have several lines, each good for logging in: during a rotation the old and the new password both work.

use std::collections::HashMap;

use registry_config::htpasswd;

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
    for (number, line) in htpasswd::lines(text) {
        if let Err(reason) = line.and_then(|line| add(&mut users, line)) {
            problems.push(format!("{path} line {number}: {reason}"));
        }
    }
    let work_of = |lines: &Vec<Line>| lines.iter().map(Line::work).sum();
    users.max_work = users.lines.values().map(work_of).max().unwrap_or(0);
    (users, problems)
}

fn add(users: &mut Users, line: htpasswd::Line<'_>) -> Result<(), String> {
    let htpasswd::Line { user, hash, cost } = line;
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

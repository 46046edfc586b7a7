//! The lines of an htpasswd file: which can be used, and what is to be done about the others. Pure: hashes nothing.
//!
//! The server reads its file with it, and the operator a user's file before it gives that to the server.

/// The cheapest hash that is accepted, bcrypt's own minimum.
const MIN_COST: u32 = 4;

/// The dearest hash that is accepted: about a second of one processor for each login.
const MAX_COST: u32 = 14;

/// A user and the bcrypt hash of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Name of the user; not empty, without a colon.
    pub user: &'a str,
    /// `$2y$10$...`, 60 characters.
    pub hash: &'a str,
    /// The 10 in that.
    pub cost: u32,
}

/// The lines of a file with their numbers, the first one 1. Empty lines and comments are left out; a line that cannot be used
/// is a sentence that says why and what to do, without the hash.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, Result<Line<'_>, String>)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(number, line)| (number, parse(line)))
}

fn parse(line: &str) -> Result<Line<'_>, String> {
    let Some((user, hash)) = line.split_once(':').filter(|(user, _)| !user.is_empty()) else {
        return Err("it is not of the form USER:HASH; make such a line with `htpasswd -Bbn USER PASSWORD`".to_owned());
    };
    let cost = cost(hash).map_err(|reason| {
        format!(
            "the password of user {user:?} {reason}; replace the line by the output of `htpasswd -Bbn {user} PASSWORD`"
        )
    })?;
    Ok(Line { user, hash, cost })
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
    use super::*;

    #[test]
    fn comments_and_empty_lines_count_but_are_none() {
        let hash = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let text = format!("# users\n\n ci:{hash}\r\namy\n");
        let lines: Vec<_> = lines(&text).collect();
        assert_eq!(lines[0], (3, Ok(Line { user: "ci", hash, cost: 5 })));
        assert_eq!((lines[1].0, lines[1].1.is_err(), lines.len()), (4, true, 2));
    }
}

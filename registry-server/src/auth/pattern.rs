//! Patterns of repository names: `*` stands for any characters of one path component, `**` for any characters at all.

use std::str::FromStr;

/// Longer patterns match nothing, names being shorter.
const LONGEST: usize = 255;

/// A pattern such as `team/**`, which is every repository below `team/`, however deep, and not `team` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `*`
    WithinComponent,
    /// `**`
    Across,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/*".contains(&byte);
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(valid) {
            return Err(format!(
                "{text:?} is no pattern of repository names: it has lower-case letters, digits, `.`, `_`, `-` and `/`, \
                 `*` for any part of a path component and `**` for any number of components"
            ));
        }
        let mut tokens = Vec::with_capacity(text.len());
        for byte in text.bytes() {
            match (byte, tokens.last()) {
                (b'*', Some(Token::WithinComponent)) => {
                    tokens.pop();
                    tokens.push(Token::Across);
                }
                (b'*', Some(Token::Across)) => {}
                (b'*', _) => tokens.push(Token::WithinComponent),
                (byte, _) => tokens.push(Token::Byte(byte)),
            }
        }
        Ok(Self(tokens))
    }
}

impl Pattern {
    /// Whether the whole of `name` fits. Takes at most (length of the pattern) times (length of the name) steps.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.reached(name)[self.0.len()]
    }

    /// Whether a longer name that begins with `start` can fit.
    pub(super) fn matches_beyond(&self, start: &str) -> bool {
        self.reached(start)[..self.0.len()].contains(&true)
    }

    /// For each number of tokens, whether the first so many fit `name`.
    fn reached(&self, name: &str) -> Vec<bool> {
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip_wildcards(&mut reached);
        for byte in name.bytes() {
            let mut next = vec![false; reached.len()];
            for (index, token) in self.0.iter().enumerate().filter(|(index, _)| reached[*index]) {
                match token {
                    Token::Byte(wanted) => next[index + 1] |= *wanted == byte,
                    Token::WithinComponent => next[index] |= byte != b'/',
                    Token::Across => next[index] = true,
                }
            }
            self.skip_wildcards(&mut next);
            reached = next;
        }
        reached
    }

    /// A wildcard may stand for nothing.
    fn skip_wildcards(&self, reached: &mut [bool]) {
        for (index, token) in self.0.iter().enumerate() {
            if reached[index] && !matches!(token, Token::Byte(_)) {
                reached[index + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(name)
    }

    #[test]
    fn a_name_matches_itself_alone() {
        assert!(matches("team/app", "team/app"));
        assert!(!matches("team/app", "team/app2"));
        assert!(!matches("team/app", "team/ap"));
        assert!(!matches("team/app", "team/app/x"));
    }

    #[test]
    fn one_star_stays_within_a_component() {
        assert!(matches("team/*", "team/app"));
        assert!(!matches("team/*", "team/app/x"));
        assert!(!matches("team/*", "team"));
        assert!(matches("*/app", "team/app"));
        assert!(matches("team-*/app-*", "team-a/app-b"));
        assert!(matches("a*", "a"));
    }

    #[test]
    fn two_stars_cross_components() {
        assert!(matches("**", "a/b/c"));
        assert!(matches("team/**", "team/a/b"));
        assert!(!matches("team/**", "team"));
        assert!(!matches("team/**", "team2/a"));
        assert!(matches("**/cache", "a/b/cache"));
        assert!(matches("a/**/z", "a/b/c/z"));
        assert!(matches("a***z", "a/b/z"));
    }

    #[test]
    fn what_a_longer_name_can_match_is_known_from_its_beginning() {
        let beyond = |pattern: &str, start: &str| pattern.parse::<Pattern>().unwrap().matches_beyond(start);
        assert!(beyond("team/**", "team/") && beyond("team/**", "team/a/") && beyond("**/cache", "any/"));
        assert!(beyond("team/*/x", "team/a/") && beyond("team/app/x", "team/app/"));
        assert!(!beyond("team/*", "team/a/") && !beyond("team", "team/") && !beyond("team/app", "other/"));
    }

    #[test]
    fn what_no_name_can_match_is_refused() {
        for text in ["", "Team", "a b", "é", "a?b", "[a]"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_and_matching_never_panic(pattern in "\\PC{0,40}", name in "[a-z/.]{0,60}") {
            if let Ok(pattern) = pattern.parse::<Pattern>() {
                pattern.matches(&name);
            }
        }

        #[test]
        fn whoever_matches_a_name_matches_beyond_its_beginnings(
            pattern in "[ab/*]{1,8}", name in "[ab]{1,2}(/[ab]{1,2}){0,3}",
        ) {
            let pattern: Pattern = pattern.parse().unwrap();
            if pattern.matches(&name) {
                for (slash, _) in name.match_indices('/') {
                    prop_assert!(pattern.matches_beyond(&name[..=slash]));
                }
            }
        }

        #[test]
        fn every_name_matches_itself_and_everything(name in "[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,4}") {
            prop_assert!(matches(&name, &name));
            prop_assert!(matches("**", &name));
        }
    }
}

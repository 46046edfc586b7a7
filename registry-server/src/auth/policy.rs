//! The access file: rules about who may do what. Pure.
//!
//! Rules only add rights; what no rule allows is refused. Unknown keys are refused too, because a right that is spelled
//! wrongly must not look as if it were given.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Action, Principal, pattern::Pattern};

/// Most rules of a file. All of them may be looked at for a request.
const MAX_RULES: usize = 10_000;

/// The rules of a file.
#[derive(Debug)]
pub(crate) struct Policy {
    rules: Vec<Rule>,
    /// SHA-256 of the file in hex.
    pub(crate) sha256: String,
}

#[derive(Debug)]
struct Rule {
    users: HashSet<String>,
    anonymous: bool,
    repositories: Vec<Pattern>,
    actions: Vec<Action>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<RuleOfFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleOfFile {
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    anonymous: bool,
    #[serde(default = "everything")]
    repositories: Vec<String>,
    actions: Vec<ActionOfFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ActionOfFile {
    Pull,
    Push,
    Delete,
}

fn everything() -> Vec<String> {
    vec!["**".to_owned()]
}

impl Policy {
    /// Reads an access file.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub(super) fn parse(text: &str, sha256: String) -> Result<Self, String> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if file.rules.len() > MAX_RULES {
            return Err(format!("it has more than {MAX_RULES} rules"));
        }
        let rules = file.rules.into_iter().enumerate();
        let rules = rules.map(|(index, rule)| Rule::new(rule).map_err(|reason| format!("rules[{index}]: {reason}")));
        Ok(Self { rules: rules.collect::<Result<_, _>>()?, sha256 })
    }

    /// Whether some rule lets `principal` do `action` in the repository called `name`.
    pub(super) fn allows(&self, principal: &Principal, action: Action, name: &str) -> bool {
        self.rules_for(principal, action).any(|rule| rule.repositories.iter().any(|pattern| pattern.matches(name)))
    }

    /// Whether there may be a repository whose name begins with `prefix` in which `principal` may do `action`.
    pub(super) fn allows_below(&self, principal: &Principal, action: Action, prefix: &str) -> bool {
        let mut rules = self.rules_for(principal, action);
        rules.any(|rule| rule.repositories.iter().any(|pattern| pattern.matches_beyond(prefix)))
    }

    /// Whether there may be a repository in which `principal` may do `action`.
    pub(super) fn allows_somewhere(&self, principal: &Principal, action: Action) -> bool {
        self.rules_for(principal, action).next().is_some()
    }

    fn rules_for(&self, principal: &Principal, action: Action) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.actions.contains(&action) && rule.concerns(principal))
    }

    /// Whether requests without credentials have any right.
    pub(super) fn concerns_anonymous(&self) -> bool {
        self.rules.iter().any(|rule| rule.anonymous)
    }
}

impl Rule {
    fn new(rule: RuleOfFile) -> Result<Self, String> {
        if rule.users.is_empty() && !rule.anonymous {
            return Err("it is for nobody: give users, or anonymous: true".to_owned());
        }
        if rule.actions.is_empty() {
            return Err("it allows nothing: give actions, of pull, push and delete".to_owned());
        }
        if rule.repositories.is_empty() {
            return Err(
                "it is about no repository: give patterns, or leave repositories out for all of them".to_owned()
            );
        }
        Ok(Self {
            users: rule.users.into_iter().collect(),
            anonymous: rule.anonymous,
            repositories: rule.repositories.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
            actions: rule.actions.iter().map(Action::from).collect(),
        })
    }

    /// A right given to requests without credentials is not taken away by giving some.
    fn concerns(&self, principal: &Principal) -> bool {
        self.anonymous || principal.name().is_some_and(|name| self.users.contains(name))
    }
}

impl From<&ActionOfFile> for Action {
    fn from(action: &ActionOfFile) -> Self {
        match action {
            ActionOfFile::Pull => Self::Pull,
            ActionOfFile::Push => Self::Push,
            ActionOfFile::Delete => Self::Delete,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: &str = "
rules:
  - users: [reader]
    actions: [pull]
  - users: [builder]
    repositories: ['team/*', shared]
    actions: [pull, push]
  - anonymous: true
    repositories: ['public/**']
    actions: [pull]
";

    fn policy() -> Policy {
        Policy::parse(RULES, String::new()).unwrap()
    }

    #[test]
    fn rules_add_rights_and_nothing_else_is_allowed() {
        let policy = policy();
        let may = |user: &str, action, name: &str| policy.allows(&Principal::user(user), action, name);
        assert!(may("reader", Action::Pull, "any/thing"));
        assert!(!may("reader", Action::Push, "any/thing"));
        assert!(may("builder", Action::Push, "team/app"));
        assert!(!may("builder", Action::Push, "team/app/deep"));
        assert!(!may("builder", Action::Delete, "shared"));
        assert!(!may("stranger", Action::Pull, "team/app"));
    }

    #[test]
    fn anonymous_rights_are_everybodys() {
        let policy = policy();
        assert!(policy.allows(&Principal::ANONYMOUS, Action::Pull, "public/a/b"));
        assert!(policy.allows(&Principal::user("stranger"), Action::Pull, "public/a/b"));
        assert!(!policy.allows(&Principal::ANONYMOUS, Action::Pull, "team/app"));
    }

    #[test]
    fn somewhere_is_asked_for_the_catalog() {
        let policy = policy();
        assert!(policy.allows_somewhere(&Principal::ANONYMOUS, Action::Pull));
        assert!(!policy.allows_somewhere(&Principal::ANONYMOUS, Action::Push));
    }

    #[test]
    fn what_does_not_say_what_it_gives_is_refused() {
        let cases = [
            ("", "unexpected end"),
            ("{}", "rules"),
            ("rules: [{users: [a], actions: [pull], repos: [x]}]", "repos"),
            ("rules: [{users: [a], actions: [read]}]", "read"),
            ("rules: [{users: [a]}]", "actions"),
            ("rules: [{actions: [pull]}]", "rules[0]: it is for nobody"),
            ("rules: [{users: [a], actions: []}]", "rules[0]: it allows nothing"),
            ("rules: [{users: [a], actions: [pull], repositories: []}]", "about no repository"),
            ("rules: [{users: [a], actions: [pull], repositories: ['Team/*']}]", "Team/*"),
            ("rules: [", ""),
        ];
        for (text, reason) in cases {
            let error = Policy::parse(text, String::new()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}") {
            let _ = Policy::parse(&text, String::new());
            let _ = Policy::parse(&format!("rules:\n  - users: [a]\n    actions: [pull]\n    {text}"), String::new());
        }
    }
}

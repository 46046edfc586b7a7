//! access.yml: who may do what. Rules only add rights, so each user is named in one.

use serde::Serialize;

use crate::{
    api::v1alpha1::Access,
    controller::registry::{Auth, User, Users},
    credentials::Line,
    names::{PULL_USER, PUSH_USER},
};

#[derive(Serialize)]
struct Rules<'a> {
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    anonymous: bool,
    actions: &'static [&'static str],
}

/// The rules in YAML; `None` where nobody is asked for a password.
pub(super) fn access_yml(auth: &Auth) -> Option<String> {
    let (users, anonymous_pull) = match auth {
        Auth::Disabled => return None,
        Auth::Unchanged { access } => return Some(access.clone()),
        Auth::Users { users, anonymous_pull } => (users, *anonymous_pull),
    };
    let mut rules = match users {
        Users::Managed(users) => managed(users),
        Users::File(lines) => vec![file(lines)],
    };
    if anonymous_pull {
        rules.push(Rule { users: Vec::new(), anonymous: true, actions: &["pull"] });
    }
    // Names and words alone: there is nothing that YAML could refuse.
    Some(serde_saphyr::to_string(&Rules { rules }).unwrap_or_default())
}

fn managed(users: &[User]) -> Vec<Rule<'_>> {
    let levels: [(Access, Option<&str>, &[&str]); 3] = [
        (Access::Pull, Some(PULL_USER), &["pull"]),
        (Access::Push, Some(PUSH_USER), &["pull", "push"]),
        (Access::Admin, None, &["pull", "push", "delete"]),
    ];
    let rules = levels.into_iter().map(|(level, generated, actions)| {
        let users = users.iter().filter(|user| user.access == level).map(|user| user.name.as_str());
        Rule { users: generated.into_iter().chain(users).collect(), anonymous: false, actions }
    });
    rules.filter(|rule| !rule.users.is_empty()).collect()
}

fn file(lines: &[Line]) -> Rule<'_> {
    let mut users: Vec<&str> = lines.iter().map(|line| line.user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    Rule { users, anonymous: false, actions: &["pull", "push"] }
}

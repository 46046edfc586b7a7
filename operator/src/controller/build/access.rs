//! access.yml: who may do what. Rules only add rights, so each user is named in one.

use serde::Serialize;

use crate::{
    api::v1alpha1::Access,
    controller::registry::Registry,
    names::{PULL_USER, PUSH_USER},
};

#[derive(Serialize)]
struct Rules<'a> {
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    users: Vec<&'a str>,
    actions: &'static [&'static str],
}

/// The rules in YAML.
pub(super) fn access_yml(registry: &Registry) -> String {
    let levels: [(Access, Option<&str>, &[&str]); 3] = [
        (Access::Pull, Some(PULL_USER), &["pull"]),
        (Access::Push, Some(PUSH_USER), &["pull", "push"]),
        (Access::Admin, None, &["pull", "push", "delete"]),
    ];
    let rules = levels.into_iter().map(|(level, generated, actions)| {
        let users = registry.users.iter().filter(|user| user.access == level).map(|user| user.name.as_str());
        Rule { users: generated.into_iter().chain(users).collect(), actions }
    });
    let rules = Rules { rules: rules.filter(|rule| !rule.users.is_empty()).collect() };
    // Names and words alone: there is nothing that YAML could refuse.
    serde_saphyr::to_string(&rules).unwrap_or_default()
}

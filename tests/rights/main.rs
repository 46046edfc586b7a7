//! The operator has exactly the rights it uses: judged by the audit logs of all control planes on which its tests have run.
//!
//! `make control-plane` runs this after its other tests. A verb that is granted and that nobody has used fails it, and so does a
//! request that was refused for want of a right. What has no request of its own, because the API server asks for the right while
//! it does something else, is in [`INDIRECT`] with its reason.

mod audit;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use crate::rules::Right;

/// Verbs that the API server asks for on behalf of another request, and why.
const INDIRECT: [(&str, &str); 1] = [(
    "delete",
    "asked for by the admission plugin OwnerReferencesPermissionEnforcement when a child that an earlier resource of the same \
     name has left gets its new owner",
)];

#[test]
fn every_right_is_used_and_none_is_missing() -> Result<()> {
    let granted = rules::granted()?;
    let audit = audit::read()?;
    show(&granted, &audit.used);
    // An API server that has just started refuses for a moment what its roles, which it has not read yet, do allow.
    let refused: Vec<_> = audit.refused.difference(&granted).collect();
    ensure!(refused.is_empty(), "the operator has asked for what it may not do: {refused:#?}");

    let unused: BTreeSet<_> = granted.iter().filter(|right| !audit.used.contains_key(right)).collect();
    let indirect = |right: &Right| {
        let child = granted.contains(&Right { verb: "patch".to_owned(), ..right.clone() });
        child && INDIRECT.iter().any(|(verb, _)| *verb == right.verb)
    };
    let needless: Vec<_> = unused.into_iter().filter(|right| !indirect(right)).collect();
    ensure!(needless.is_empty(), "granted, but used by no test: {needless:#?}");
    Ok(())
}

/// A line for each resource: every granted verb with the number of its requests.
#[expect(clippy::print_stderr, reason = "the table is what the test is run for")]
fn show(granted: &BTreeSet<Right>, used: &BTreeMap<Right, u64>) {
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for right in granted {
        let count = used.get(right).copied().unwrap_or_default();
        lines.entry(&right.resource).or_default().push(format!("{} {count}", right.verb));
    }
    for (resource, verbs) in lines {
        eprintln!("{resource:<50} {}", verbs.join(", "));
    }
}

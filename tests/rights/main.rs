//! The operator has exactly the rights it uses, and so have its Pods on nodes: judged by the audit logs of all API servers on which
//! their tests have run.
//!
//! `make control-plane` runs this after its other tests: a verb that is granted and that nobody has used fails it, and so does a
//! request that was refused for want of a right. `make e2e` adds the log of its cluster and looks at what was refused there.

mod audit;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use crate::rules::Right;

/// Rights that the API server asks for while it does something else: the admission plugin `OwnerReferencesPermissionEnforcement`
/// wants them when an object gets its owner. `control_plane/rights.rs` takes them away and sees what fails.
const INDIRECT: [&str; 2] = ["deployments.apps", "persistentvolumeclaims"];

#[tokio::test]
async fn every_right_that_is_granted_is_used() -> Result<()> {
    let used = audit::read()?.used;
    let indirect = |right: &Right| right.verb == "delete" && INDIRECT.contains(&right.resource.as_str());
    let granted = rules::granted().await?;
    let needless: Vec<_> = granted.iter().filter(|right| !used.contains_key(right) && !indirect(right)).collect();
    ensure!(needless.is_empty(), "granted, but used by no test: {needless:#?}");
    Ok(())
}

#[tokio::test]
async fn no_request_is_refused_for_want_of_a_right() -> Result<()> {
    let granted = rules::granted().await?;
    let audit = audit::read()?;
    show(&granted, &audit.used);
    // A role that the API server has not read yet, or that a test has taken something out of, refuses what is granted.
    let refused: Vec<_> = audit.refused.difference(&granted).collect();
    ensure!(refused.is_empty(), "asked for, and not granted: {refused:#?}");
    Ok(())
}

/// A line for each resource: every granted verb with the number of its requests.
#[expect(clippy::print_stderr, reason = "the table is what the test is run for")]
fn show(granted: &BTreeSet<Right>, used: &BTreeMap<Right, u64>) {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for right in granted {
        let count = used.get(right).copied().unwrap_or_default();
        lines.entry(right.place()).or_default().push(format!("{} {count}", right.verb));
    }
    for (resource, verbs) in lines {
        eprintln!("{resource:<50} {}", verbs.join(", "));
    }
}

//! What the operator has asked of the API server, by its own count.

use std::collections::BTreeMap;

/// Requests by verb and resource, as RBAC names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(pub BTreeMap<(String, String), u64>);

impl Requests {
    /// What `/metrics` says.
    pub(super) fn of(metrics: &str) -> Self {
        let counted = metrics.lines().filter_map(|line| {
            let (labels, count) =
                line.strip_prefix("private_registry_operator_api_requests_total{")?.split_once("} ")?;
            let label = |name: &str| Some(labels.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.to_owned());
            Some(((label("verb")?, label("resource")?), count.parse().ok()?))
        });
        Self(counted.collect())
    }

    /// How many there were of `verb` on `resource`.
    pub fn count(&self, verb: &str, resource: &str) -> u64 {
        self.0.get(&(verb.to_owned(), resource.to_owned())).copied().unwrap_or_default()
    }

    /// All, but watches, which are opened again from time to time, and what the lease takes.
    pub fn at_rest(&self) -> Self {
        let counts = |(verb, resource): &(String, String)| verb != "watch" && resource != "leases";
        Self(self.0.iter().filter(|(request, _)| counts(request)).map(|(k, v)| (k.clone(), *v)).collect())
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those that were not in `before`.
    pub fn since(&self, before: &Self) -> Self {
        let new = |(request, count): (&(String, String), &u64)| {
            let new = count - before.0.get(request).copied().unwrap_or_default().min(*count);
            (new > 0).then(|| (request.clone(), new))
        };
        Self(self.0.iter().filter_map(new).collect())
    }
}

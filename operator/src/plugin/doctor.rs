//! `kubectl preg doctor`: walks from the resource to the nodes and says in plain words what is wrong and what to do.
//!
//! ```text
//!   look    (asks the API server)   everything that belongs to the registry, as far as the person may see it -> Observed
//!   checks  (pure)                  Observed -> Findings, one line each, with what to do
//! ```
//!
//! A right that is missing is a finding too: what could not be looked at is said, and the rest goes on.

mod checks;
mod finding;
mod look;
mod observed;
mod probe;
mod pulls;

use jiff::Timestamp;

use self::finding::{Finding, Level};
use super::{
    cluster::{self, Cluster},
    output::{self, Format, print},
    words::count,
};

/// Walk from a registry to the nodes and say what is wrong and what to do; exit code 1 when something is
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// Name of the registry
    name: String,

    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

impl Doctor {
    /// Looks at everything, and judges it.
    pub(super) async fn look(&self, cluster: &Cluster) -> Result<Vec<Finding>, cluster::Error> {
        let served = look::served(cluster).await;
        let registry = match &served {
            Ok(false) => return Ok(checks::definition(&served)),
            _ => cluster.registry(&self.name).await?,
        };
        let observed = Box::pin(look::around(cluster, registry)).await;
        Ok(checks::definition(&served).into_iter().chain(checks::all(&observed, Timestamp::now())).collect())
    }

    /// Prints the findings; whether none is a failure.
    pub(super) fn show(&self, findings: &[Finding]) -> Result<bool, output::Error> {
        print(self.output, &findings, |findings| text(findings))?;
        Ok(findings.iter().all(|finding| finding.level != Level::Fail))
    }
}

fn text(findings: &[Finding]) -> String {
    let of = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let end = match (of(Level::Fail), of(Level::Warn)) {
        (0, 0) => "all is well".to_owned(),
        (0, warnings) => format!("nothing is broken; {}", count(warnings, "warning")),
        (failures, 0) => count(failures, "failure"),
        (failures, warnings) => format!("{}, {}", count(failures, "failure"), count(warnings, "warning")),
    };
    let lines: String = findings.iter().map(ToString::to_string).collect();
    format!("{lines}\n{end}\n")
}

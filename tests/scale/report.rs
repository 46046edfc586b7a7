//! What is printed of an operator and of the control plane that it works with, for all registries and for each.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use support::control_plane::{ControlPlane, Operator, Requests};
use support::figure::figure;
use support::usage::Usage;
use support::wait::turns;

/// Without a pass.
const STUCK: Duration = Duration::from_secs(120);
/// Between two looks at the metrics.
const PAUSE: Duration = Duration::from_millis(250);

/// Whose figures they are.
pub(crate) struct Report<'a> {
    pub(crate) plane: &'a ControlPlane,
    /// Registries.
    pub(crate) number: usize,
}

impl Report<'_> {
    /// What the API server and etcd have taken so far.
    pub(crate) fn control_plane(&self) -> Result<[Usage; 2]> {
        let [api_server, etcd] = self.plane.process_ids();
        Ok([Usage::of(api_server)?, Usage::of(etcd)?])
    }

    /// What `operator` takes, and what the control plane has taken since it took `before`.
    pub(crate) fn usage(&self, operator: &Operator, when: &str, before: &[Usage; 2]) -> Result<Usage> {
        let usage = Usage::of(operator.id())?;
        figure(
            &format!("scale: MiB resident {when}"),
            format_args!("{:.1}, {:.1} at most", usage.resident, usage.peak),
        );
        let [api_server, etcd] = self.control_plane()?;
        let [api_before, etcd_before] = before;
        figure(
            &format!("scale: seconds of a processor {when}"),
            format_args!(
                "{:.1} of the operator since its start, {:.1} of the API server, {:.1} of etcd",
                usage.processor,
                api_server.processor - api_before.processor,
                etcd.processor - etcd_before.processor
            ),
        );
        Ok(usage)
    }

    /// What was asked, by verb and resource.
    pub(crate) fn requests(&self, requests: &Requests) {
        for ((verb, resource), count) in &requests.0 {
            figure(&format!("scale: requests for each, {verb} {resource}"), format_args!("{:.2}", self.each(*count)));
        }
        figure("scale: requests for each", format_args!("{:.1}", self.each(requests.total())));
    }

    /// Passes, and what would show a loop that runs hot.
    pub(crate) async fn counters(&self, operator: &Operator) -> Result<()> {
        let passes = operator.metric(r#"reconciles_total{outcome="ok"}"#).await?;
        figure("scale: passes for each", format_args!("{:.1}", self.each_of(passes)));
        for counter in [r#"reconciles_total{outcome="error"}"#, "passes_deferred_total", "objects_in_backoff"] {
            figure(&format!("scale: {counter}"), operator.metric(counter).await?);
        }
        Ok(())
    }

    /// Waits until there was a pass for each registry, as long as there is one from time to time.
    pub(crate) async fn until_looked_at(&self, operator: &Operator) -> Result<()> {
        let (mut passes, mut since, mut turns) = (0.0, Instant::now(), turns(PAUSE));
        while self.each_of(passes) < 1.0 {
            ensure!(since.elapsed() < STUCK, "after {passes} passes nothing happens");
            // Metrics have no watch.
            turns.tick().await;
            let now = operator.metric(r#"reconciles_total{outcome="ok"}"#).await?;
            if now > passes {
                (passes, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    fn each_of(&self, count: f64) -> f64 {
        count / self.number as f64
    }

    /// For each registry.
    #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
    pub(crate) fn each(&self, count: u64) -> f64 {
        count as f64 / self.number as f64
    }
}

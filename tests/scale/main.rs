//! How far one operator reaches: many registries on an API server and etcd, without kubelets.
//!
//! `make scale` runs it with the operator as it is released, and prints figures. Not a part of `make test`: it takes minutes of a
//! processor's time to hash two passwords for each registry.

mod goals;
mod latency;
mod population;
mod report;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use support::control_plane::{Operator, Options, Stage, on_own_control_plane};
use support::figure::figure;
use support::usage::Usage;
use support::wait::let_pass;

use crate::goals::Goals;
use crate::population::Population;
use crate::report::Report;

/// How long nothing may be asked before an operator counts as idle.
const REST: Duration = Duration::from_secs(20);
/// How long an operator at rest is looked at.
const MINUTE: Duration = Duration::from_secs(60);
/// What an operator without registries may take, in MiB.
const IDLE_MEMORY: f64 = 12.0;
/// What an operator with a thousand registries may take, in MiB.
const MOST_MEMORY: f64 = 30.0;
/// Milliseconds from a change of a spec to its child, for 99 of 100.
const SOON: f64 = 1000.0;

#[tokio::test(flavor = "multi_thread")]
async fn one_operator_keeps_a_thousand_registries() -> Result<()> {
    let number = std::env::var("SCALE_REGISTRIES").ok().and_then(|number| number.parse().ok()).unwrap_or(1000);
    on_own_control_plane("scale", Options::default(), async |stage| {
        let mut goals = Goals::default();
        goals.at_most("MiB resident without a registry", idle(stage).await?, IDLE_MEMORY);
        with_registries(stage, number, &mut goals).await?;
        goals.end()
    })
    .await
}

/// MiB resident without a registry.
async fn idle(stage: &Stage<'_>) -> Result<f64> {
    let mut operator = stage.operator_of_cluster()?.start().await?;
    operator.until_at_rest(REST).await?;
    let idle = Usage::of(operator.id())?;
    ensure!(operator.stop().await?, "the operator ended with an error");
    Ok(idle.resident)
}

async fn with_registries(stage: &Stage<'_>, number: usize, goals: &mut Goals) -> Result<()> {
    let _controllers = stage.play_controllers_everywhere();
    let report = Report { plane: stage.plane, number };
    let begun = Instant::now();
    let population = Population::create(stage.namespace.client.clone(), number).await?;
    figure("scale: seconds to create the resources", seconds(begun));

    let before = report.control_plane()?;
    let begun = Instant::now();
    let mut operator = stage.operator_of_cluster()?.start().await?;
    population.until_ready().await?;
    figure(&format!("scale: seconds until {number} are ready"), seconds(begun));
    report.requests(&operator.until_at_rest(REST).await?);
    let made = report.usage(&operator, "to make all", &before)?;

    let changed = changes(&operator, &population, &report, goals).await?;
    minute_of_rest(&operator, goals).await?;
    report.counters(&operator).await?;
    ensure!(operator.stop().await?, "the operator ended with an error");
    let restarted = restart(stage, &report).await?;
    let most = made.resident.max(changed.resident).max(restarted.resident);
    goals.at_most(&format!("MiB resident at rest, at most, with {number}"), most, MOST_MEMORY);
    Ok(())
}

/// How soon changes reach their children, and what the operator takes afterwards.
async fn changes(
    operator: &Operator,
    population: &Population,
    report: &Report<'_>,
    goals: &mut Goals,
) -> Result<Usage> {
    let latency = latency::one_by_one(population).await?;
    latency.report("one by one");
    goals.at_most("p99 of milliseconds from a spec to its child, one by one", latency.percentile(99), SOON);
    operator.until_at_rest(REST).await?;
    let before = report.control_plane()?;
    let begun = Instant::now();
    latency::burst(population).await?.report("all at once");
    figure("scale: seconds of the burst", seconds(begun));
    operator.until_at_rest(REST).await?;
    report.usage(operator, "after the changes", &before)
}

async fn minute_of_rest(operator: &Operator, goals: &mut Goals) -> Result<()> {
    let (before, usage) = (operator.requests().await?, Usage::of(operator.id())?);
    let_pass(MINUTE).await;
    let asked = operator.requests().await?.since(&before).at_rest();
    let busy = Usage::of(operator.id())?.processor - usage.processor;
    figure("scale: seconds of a processor in a minute of rest", format_args!("{busy:.2}"));
    if asked.total() > 0 {
        figure("scale: asked for at rest", format_args!("{asked:?}"));
    }
    let requests = u32::try_from(asked.total())?;
    goals.at_most("requests in a minute of rest, beside the lease and watches", requests.into(), 0.0);
    Ok(())
}

/// A new operator, which reads and applies everything once.
async fn restart(stage: &Stage<'_>, report: &Report<'_>) -> Result<Usage> {
    let before = report.control_plane()?;
    let begun = Instant::now();
    let operator = stage.operator_of_cluster()?.start().await?;
    report.until_looked_at(&operator).await?;
    figure("scale: seconds after a restart until each was looked at", seconds(begun));
    let requests = operator.until_at_rest(REST).await?;
    figure("scale: requests of a restart, for each", format_args!("{:.1}", report.each(requests.total())));
    report.usage(&operator, "after a restart", &before)
}

fn seconds(since: Instant) -> String {
    format!("{:.1}", since.elapsed().as_secs_f64())
}

//! How far one operator reaches: many registries on an API server and etcd, without kubelets.
//!
//! `make scale` runs it with the operator as it is released, and prints a table. Not a part of `make test`: it takes minutes of a
//! processor's time to hash two passwords for each registry.

mod latency;
mod population;
mod process;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use support::control_plane::{Operator, Options, Requests, Stage, on_own_control_plane};
use support::figure::figure;

use crate::population::Population;
use crate::process::Usage;

/// How long nothing may be asked at the end.
const REST: Duration = Duration::from_secs(30);
/// What an operator with a thousand registries may take.
const MOST_MEMORY: f64 = 30.0;
/// The time from a change of a spec to its child, for 99 of 100.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn one_operator_keeps_a_thousand_registries() -> Result<()> {
    let number = std::env::var("SCALE_REGISTRIES").ok().and_then(|number| number.parse().ok()).unwrap_or(1000);
    on_own_control_plane("scale", Options::default(), async |stage| {
        let mut operator = stage.operator_of_cluster()?.start().await?;
        let idle = Usage::of(operator.id())?;
        figure("scale: MiB resident without a registry", format_args!("{:.1}", idle.resident));
        operator.kill();
        measure(stage, number).await
    })
    .await
}

async fn measure(stage: &Stage<'_>, number: usize) -> Result<()> {
    let _controllers = stage.play_controllers_everywhere();
    let begun = Instant::now();
    let population = Population::create(stage.namespace.client.clone(), number).await?;
    figure("scale: seconds to create the resources", seconds(begun));

    let begun = Instant::now();
    let operator = stage.operator_of_cluster()?.start().await?;
    population.until_ready().await?;
    figure(&format!("scale: seconds until {number} are ready"), seconds(begun));
    let requests = operator.until_at_rest(REST).await?;
    report_requests(&requests, number);
    let made = report_usage(&operator, "once all are ready")?;

    let latency = latency::measure(&population).await?;
    figure("scale: milliseconds from a spec to its child, median", latency.median.as_millis());
    figure("scale: milliseconds from a spec to its child, p99", latency.p99.as_millis());
    operator.until_at_rest(REST).await?;
    let changed = report_usage(&operator, "after the changes")?;

    let memory = made.resident.max(changed.resident);
    ensure!(latency.p99 < SOON, "p99 is {:?}", latency.p99);
    ensure!(memory <= MOST_MEMORY, "{memory:.1} MiB resident");
    Ok(())
}

fn seconds(since: Instant) -> String {
    format!("{:.0}", since.elapsed().as_secs_f64())
}

fn report_requests(requests: &Requests, number: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
    let each = |count: u64| count as f64 / number as f64;
    for ((verb, resource), count) in &requests.0 {
        figure(&format!("scale: requests for each, {verb} {resource}"), format_args!("{:.2}", each(*count)));
    }
    figure("scale: requests for each", format_args!("{:.1}", each(requests.total())));
}

fn report_usage(operator: &Operator, when: &str) -> Result<Usage> {
    let usage = Usage::of(operator.id())?;
    figure(&format!("scale: MiB resident {when}"), format_args!("{:.1}, {:.1} at most", usage.resident, usage.peak));
    figure(&format!("scale: seconds of a processor {when}"), format_args!("{:.1}", usage.processor));
    Ok(usage)
}

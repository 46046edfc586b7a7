//! Whether the registry is well enough to serve: checks that run every now and then, and what the last ones found.
//!
//! Knows nothing of requests: `http` refuses them while something is wrong, the debug listener says what it is.

mod http;
mod probe;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use tokio::time::MissedTickBehavior;

use crate::{config::HealthCheck, registry::Registry};

/// Checks that failed often enough for that to count, by name, and why.
pub(crate) type Problems = BTreeMap<String, String>;

/// What the last checks found. Clones share it. Until a check has failed, all is well.
#[derive(Clone, Default)]
pub(crate) struct Health(Arc<ArcSwap<Problems>>);

impl Health {
    /// What is wrong now.
    pub(crate) fn problems(&self) -> Guard<Arc<Problems>> {
        self.0.load()
    }

    /// Runs `checks`, each at its interval, the first time at once. Never returns.
    pub(crate) async fn watch(self, checks: Vec<HealthCheck>, registry: Arc<Registry>) {
        let watching = checks.iter().map(|check| {
            let probe = || probe::run(check.probe.clone(), Arc::clone(&registry));
            self.watch_one(check, probe)
        });
        futures::future::join_all(watching).await;
        std::future::pending::<()>().await;
    }

    async fn watch_one<F: Future<Output = Result<(), String>> + Send>(
        &self,
        check: &HealthCheck,
        probe: impl Fn() -> F,
    ) {
        let mut ticks = tokio::time::interval(check.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failures = 0;
        let mut running = None;
        loop {
            ticks.tick().await;
            let result = answer(running.get_or_insert_with(|| Box::pin(probe())), check.timeout).await;
            // What hangs in the kernel holds a thread: another one beside it would hang as well.
            if result.is_some() || !probe::holds_a_thread(&check.probe) {
                running = None;
            }
            let late = || Err(format!("no answer after {} s", check.timeout.as_secs_f64()));
            failures = self.take(check, failures, result.unwrap_or_else(late));
        }
    }

    /// Takes note of a result that follows `failures` in a row. How many there are now.
    fn take(&self, check: &HealthCheck, failures: u32, result: Result<(), String>) -> u32 {
        let name = &check.name;
        let Err(reason) = result else {
            if failures > 0 {
                tracing::info!("health check {name} succeeds again");
                self.change(|problems| problems.remove(name));
            }
            return 0;
        };
        let failures = failures.saturating_add(1);
        if failures == check.threshold {
            tracing::error!("health check {name} failed, requests are answered with 503 until it succeeds: {reason}");
        } else if failures == 1 {
            tracing::warn!("health check {name} failed, {} times in a row would count: {reason}", check.threshold);
        }
        if failures >= check.threshold {
            self.change(|problems| problems.insert(name.clone(), reason.clone()));
        }
        failures
    }

    fn change<T>(&self, change: impl Fn(&mut Problems) -> T) {
        self.0.rcu(|problems| {
            let mut problems = Problems::clone(problems);
            change(&mut problems);
            problems
        });
    }
}

/// What `probe` came to, if it came in time.
async fn answer<F: Future>(probe: &mut Pin<Box<F>>, timeout: Duration) -> Option<F::Output> {
    tokio::time::timeout(timeout, probe.as_mut()).await.ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::Probe;

    fn check(probe: Probe, threshold: u32) -> HealthCheck {
        let (interval, timeout) = (Duration::from_secs(10), Duration::from_secs(5));
        HealthCheck { name: "pier".to_owned(), probe, interval, timeout, threshold }
    }

    fn reason(health: &Health) -> Option<String> {
        health.problems().get("pier").cloned()
    }

    #[test]
    fn failures_count_from_the_threshold_on_and_a_success_ends_them() {
        let (health, check) = (Health::default(), check(Probe::Storage, 3));
        let fail = |failures, reason: &str| health.take(&check, failures, Err(reason.to_owned()));
        assert_eq!((fail(0, "a"), reason(&health)), (1, None));
        assert_eq!((fail(1, "b"), reason(&health)), (2, None));
        assert_eq!((fail(2, "c"), reason(&health)), (3, Some("c".to_owned())));
        assert_eq!((fail(3, "d"), reason(&health)), (4, Some("d".to_owned())));
        assert_eq!((health.take(&check, 4, Ok(())), reason(&health)), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_runs_at_once_and_then_at_its_interval() {
        let (health, check, runs) = (Health::default(), check(Probe::Storage, 1), AtomicUsize::new(0));
        let probe = || async {
            runs.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let _ = tokio::time::timeout(Duration::from_secs(25), health.watch_one(&check, probe)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_has_failed_and_what_holds_a_thread_is_not_begun_again() {
        for (probe, begun) in [(Probe::Storage, 1), (Probe::Tcp("pier:1".to_owned()), 3)] {
            let (health, check, runs) = (Health::default(), check(probe, 1), AtomicUsize::new(0));
            let probe = || {
                runs.fetch_add(1, Ordering::Relaxed);
                std::future::pending()
            };
            let _ = tokio::time::timeout(Duration::from_secs(29), health.watch_one(&check, probe)).await;
            assert_eq!(reason(&health).as_deref(), Some("no answer after 5 s"));
            assert_eq!(runs.load(Ordering::Relaxed), begun, "{:?}", check.probe);
        }
    }
}

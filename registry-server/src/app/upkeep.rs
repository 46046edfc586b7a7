//! What happens by itself while the server runs: files are read again, the volume is measured, abandoned uploads removed.

use std::{sync::Arc, time::Duration};

use crate::{
    config::Purge,
    metrics::{Metrics, Volume},
    registry::Registry,
    reload::{INTERVAL, Outcome, Poll, Reloading},
    tls::Material,
};

/// The first purge comes within this long, at a random time: not all servers of a data centre at once, and none only while
/// it starts.
const FIRST_PURGE_WITHIN: Duration = Duration::from_secs(60 * 60);

/// How often the volume is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// How long after a failure repositories are read again.
const INDEX_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// Looks at all of `files` every second. Never returns.
pub(super) async fn reload(files: Vec<Arc<dyn Poll>>, certificate: Option<Arc<Reloading<Material>>>, metrics: Metrics) {
    let expiry = |metrics: &Metrics| {
        if let Some(certificate) = &certificate {
            metrics.certificate_expires(certificate.current().not_after.as_second());
        }
    };
    expiry(&metrics);
    if files.is_empty() {
        return std::future::pending().await;
    }
    files.iter().for_each(|file| metrics.watches(file.what()));
    let files: Arc<[Arc<dyn Poll>]> = files.into();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let looking = Arc::clone(&files);
        // A file may be on a network that does not answer; requests must not wait for it.
        let looks = tokio::task::spawn_blocking(move || {
            looking.iter().map(|file| (file.what(), file.poll())).collect::<Vec<_>>()
        });
        for (what, outcome) in looks.await.unwrap_or_default() {
            report(what, &outcome);
            metrics.reloaded(what, &outcome);
        }
        expiry(&metrics);
    }
}

fn report(what: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Unchanged => {}
        Outcome::Changed => tracing::info!("{what} changed and is in force"),
        Outcome::Refused(reason) => {
            tracing::error!("{what} changed and cannot be used, the last good one stays in force: {reason}");
        }
    }
}

/// Measures the volume now and every few seconds, not when somebody asks: a file system on a network may take its time. Never
/// returns.
pub(super) async fn measure(registry: Arc<Registry>, volume: Volume) {
    let mut was_measured = true;
    loop {
        let usage = registry.usage().await;
        if let Err(error) = &usage
            && was_measured
        {
            let error = error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "failed to measure the volume, its metrics are missing; it is tried every few seconds"
            );
        }
        was_measured = usage.is_ok();
        volume.measured(usage.ok().flatten());
        tokio::time::sleep(MEASURE_EVERY).await;
    }
}

/// Removes what uploads have left whose request was given up in the middle. Never returns.
pub(super) async fn remove_abandoned(registry: Arc<Registry>) {
    loop {
        if let Err(error) = registry.remove_abandoned_upload().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "failed to remove an upload that was given up; the purge of uploads will try again");
        }
    }
}

/// Removes abandoned uploads every now and then. Never returns.
pub(super) async fn purge(registry: Arc<Registry>, purge: Purge) {
    let first = FIRST_PURGE_WITHIN.min(purge.interval).mul_f64(random_fraction());
    tokio::time::sleep(first).await;
    loop {
        match registry.purge_uploads(purge.age).await {
            Ok(purged) => tracing::info!("abandoned uploads purged: {purged:?}"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "failed to purge abandoned uploads, trying again later");
            }
        }
        tokio::time::sleep(purge.interval).await;
    }
}

/// Reads the manifests of a volume that another registry has written, so that the first question for referrers need not
/// wait for it. Never returns.
pub(super) async fn index(registry: Arc<Registry>) {
    loop {
        match registry.index_referrers().await {
            Ok(None | Some(0)) => break,
            Ok(Some(count)) => {
                tracing::info!("{count} repositories were read for manifests that refer to others");
                break;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "failed to read repositories for referrers, trying again later");
            }
        }
        tokio::time::sleep(INDEX_AGAIN_AFTER).await;
    }
    std::future::pending::<()>().await;
}

/// From 0 to 1.
fn random_fraction() -> f64 {
    let mut byte = [0];
    // Without randomness the middle does.
    let random = aws_lc_rs::rand::fill(&mut byte).map_or(128, |()| byte[0]);
    f64::from(random) / 255.0
}

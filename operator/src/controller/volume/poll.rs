//! Asks Pods again how full their volumes are, all through the operator's life, and has registries looked at whose answer is
//! another one.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};

use super::ask_first;
use crate::controller::{memory::Memories, wakeups::Wakeups};

/// How often it is looked whose time has come: within memory, and no more seldom than servers are asked that have just started.
const TICK: Duration = Duration::from_secs(2);
/// Pods that are asked at the same time.
const AT_ONCE: usize = 8;

/// Asks until `shutdown`.
pub(in crate::controller) async fn poll(
    memories: Arc<Memories>,
    wakeups: Arc<Wakeups>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let asking = async {
        loop {
            tokio::time::sleep(TICK).await;
            let due = stream::iter(memories.volumes_due(Instant::now()));
            let answers = due.map(async |(name, pods)| (ask_first(&name, &pods).await, name)).buffer_unordered(AT_ONCE);
            answers
                .for_each(async |(volume, name)| {
                    if memories.volume_answered(&name, volume, Instant::now(), jitter()) {
                        wakeups.wake([name]);
                    }
                })
                .await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = shutdown => {}
    }
}

/// From 0 to 1, so that registries that have started together are not asked together for ever.
pub(super) fn jitter() -> f64 {
    let mut byte = [0];
    // Without randomness the middle does.
    let random = aws_lc_rs::rand::fill(&mut byte).map_or(128, |()| byte[0]);
    f64::from(random) / 255.0
}

//! Waiting for a condition, by watch where Kubernetes can tell and by asking again where it cannot. Nothing sleeps in the
//! hope that something has happened meanwhile.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object, watcher};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

/// Generous: a test that passes never comes near it. The longest wait is a kubelet's, which syncs a changed Secret into a
/// Pod within two minutes.
pub const LIMIT: Duration = Duration::from_secs(240);

/// The pause between two attempts of `eventually`.
const PAUSE: Duration = Duration::from_millis(250);
/// The same where a process of this machine is asked.
const SHORT_PAUSE: Duration = Duration::from_millis(100);

/// What can be waited for: any object that a watch delivers.
pub trait Watched: Resource + Clone + DeserializeOwned + Serialize + Debug + Send + 'static {}
impl<K: Resource + Clone + DeserializeOwned + Serialize + Debug + Send + 'static> Watched for K {}

/// Watches the object `name` until it exists and `holds`. `what` completes the sentence "waited for ...".
pub async fn until<K: Watched>(api: &Api<K>, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> Result<K> {
    let what = format!("{what} of {name} ({})", api.resource_url());
    let changes = watch_object(api.clone(), name).default_backoff().boxed();
    let met = first(changes, &what, |object| object.is_some_and(&holds)).await?;
    met.with_context(|| format!("waited for {what}, but it does not exist"))
}

/// Watches the objects of a label selector until one of them `holds`.
pub async fn until_any<K: Watched>(api: &Api<K>, selector: &str, what: &str, holds: impl Fn(&K) -> bool) -> Result<K> {
    let what = format!("{what} of {selector} ({})", api.resource_url());
    let config = watcher::Config::default().labels(selector);
    let changes = watcher(api.clone(), config).default_backoff().applied_objects().map_ok(Some).boxed();
    let met = first(changes, &what, |object| object.is_some_and(&holds)).await?;
    met.with_context(|| format!("waited for {what}, but there is none"))
}

/// Watches until there is no object `name`.
pub async fn until_gone<K: Watched>(api: &Api<K>, name: &str) -> Result<()> {
    let what = format!("the removal of {name} ({})", api.resource_url());
    first(watch_object(api.clone(), name).default_backoff().boxed(), &what, |object: Option<&K>| object.is_none())
        .await?;
    Ok(())
}

/// The first state that `holds`; a watch that fails goes on.
async fn first<K: Watched>(
    mut changes: BoxStream<'static, watcher::Result<Option<K>>>,
    what: &str,
    holds: impl Fn(Option<&K>) -> bool,
) -> Result<Option<K>> {
    let mut last = "nothing was seen of it".to_owned();
    let met = timeout(LIMIT, async {
        while let Some(change) = changes.next().await {
            match change {
                Ok(object) if holds(object.as_ref()) => return Some(object),
                Ok(object) => last = describe(object.as_ref()),
                Err(error) => last = format!("the watch failed: {error}"),
            }
        }
        None
    });
    match met.await {
        Ok(Some(object)) => Ok(object),
        _ => bail!("waited {} s for {what}; last: {last}", LIMIT.as_secs()),
    }
}

/// The part of an object that tells how it is: its status, or else its metadata.
fn describe<K: Serialize>(object: Option<&K>) -> String {
    let Some(object) = object else { return "it does not exist".to_owned() };
    let value = serde_json::to_value(object).unwrap_or_default();
    let telling = value.get("status").or_else(|| value.get("metadata"));
    telling.map(ToString::to_string).unwrap_or_default()
}

/// Asks `attempt` until it succeeds; for what no watch can tell, such as an answer of a registry. `what` completes the
/// sentence "waited for ...".
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut last = anyhow::anyhow!("the first attempt did not end");
    let mut turns = turns(PAUSE);
    let met = timeout(LIMIT, async {
        loop {
            turns.tick().await;
            match attempt().await {
                Ok(value) => return value,
                Err(error) => last = error,
            }
        }
    });
    match met.await {
        Ok(value) => Ok(value),
        Err(_) => Err(last.context(format!("waited {} s for {what}", LIMIT.as_secs()))),
    }
}

/// Asks a process of this machine until what it answers `holds`. An error ends the wait: a process that has ended will not do
/// any more what is waited for.
pub(crate) async fn until_true(mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let mut turns = turns(SHORT_PAUSE);
    let met = timeout(LIMIT, async {
        loop {
            turns.tick().await;
            if holds().await? {
                return Ok(());
            }
        }
    });
    met.await.with_context(|| format!("waited {} s", LIMIT.as_secs()))?
}

/// The first turn is now; from one to the next it is `pause` at least.
pub fn turns(pause: Duration) -> Interval {
    let mut turns = interval(pause);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

/// Lets time pass where time itself is the condition, because what happens meanwhile is measured, as that nothing does. Never to
/// wait for what should happen.
pub async fn let_pass(time: Duration) {
    sleep(time).await;
}

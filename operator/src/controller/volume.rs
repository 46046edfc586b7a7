//! How full a registry's volume is: what its server says, asked of the Pod on its port for health, `GET /storage`.
//!
//! The API server does not know it, and of the kubelet only who may ask all nodes about everything could learn it. So the Pod is
//! asked when it has started, soon again if it cannot tell yet, and then every few minutes by [`mod@poll`], beside the passes: a pass
//! follows only when what is told changes, so that at rest no request reaches the API server.

mod poll;

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use serde::Deserialize;

pub(super) use self::poll::poll;
use super::{
    Context,
    observe::Observed,
    pods::{Pods, ask},
};
use crate::{api::v1alpha1::FileSystemStatus, names::RegistryName, quantity::rounded};

/// How long a volume on which something did not fit counts as full: a large layer is refused long before the last byte is taken.
const REFUSED_LATELY: u64 = 300;
/// After how long one is asked again that has told nothing yet, such as a server that measures its volume beside its start; each time
/// that it tells nothing, twice as long.
const SOON: Duration = Duration::from_secs(2);
/// How often a Pod is asked.
const SELDOM: Duration = Duration::from_secs(300);
/// How often one is asked whose volume is filling up.
const OFTEN: Duration = Duration::from_secs(60);
/// Percent of the volume from which on that is so.
const FILLING: u8 = 75;

/// How full a volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeUse {
    /// Size of the file system in bytes.
    pub capacity: u64,
    /// What can still be written, in bytes.
    pub available: u64,
    /// How much is taken, of bytes or of inodes, whichever is more, in percent, as `df` says it.
    pub percent: u8,
    /// Whether something did not fit lately.
    pub refused: bool,
}

/// How much a person has to care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is room.
    #[default]
    Room,
    /// There will soon be none.
    NearlyFull,
    /// Something does not fit.
    Full,
}

/// What a Pod answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    volume: Option<Volume>,
    refused_writes: Refused,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    capacity_bytes: u64,
    used_bytes: u64,
    available_bytes: u64,
    inodes: u64,
    inodes_free: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    seconds_ago: Option<u64>,
}

impl VolumeUse {
    /// `None` where the server keeps images on no volume.
    fn of(answer: &Answer) -> Option<Self> {
        let volume = answer.volume.as_ref()?;
        let inodes_used = volume.inodes.saturating_sub(volume.inodes_free);
        Some(Self {
            capacity: volume.capacity_bytes,
            available: volume.available_bytes,
            percent: percent(volume.used_bytes, volume.available_bytes).max(percent(inodes_used, volume.inodes_free)),
            refused: answer.refused_writes.seconds_ago.is_some_and(|ago| ago <= REFUSED_LATELY),
        })
    }

    /// How much a person has to care, who did so much before: what is told does not change to and fro at a boundary.
    #[must_use]
    pub const fn level(&self, before: Level) -> Level {
        let full = self.refused || self.percent >= 99 || (matches!(before, Level::Full) && self.percent >= 97);
        let nearly = self.percent >= 85 || (!matches!(before, Level::Room) && self.percent >= 80);
        match (full, nearly) {
            (true, _) => Level::Full,
            (false, true) => Level::NearlyFull,
            (false, false) => Level::Room,
        }
    }

    /// What the status says: what it said before, unless that is off by more than a percent or `anew` is to be told.
    #[must_use]
    pub fn told(&self, before: Option<&FileSystemStatus>, anew: bool) -> FileSystemStatus {
        let now = FileSystemStatus {
            capacity: rounded(self.capacity),
            available: rounded(self.available),
            used_percent: i32::from(self.percent),
        };
        let close = |before: &&FileSystemStatus| {
            before.capacity == now.capacity && before.used_percent.abs_diff(now.used_percent) <= 1
        };
        before.filter(|_| !anew).filter(close).cloned().unwrap_or(now)
    }

    /// Whether the status may have to say something else.
    const fn differs(&self, other: &Self) -> bool {
        self.capacity != other.capacity || self.percent != other.percent || self.refused != other.refused
    }
}

/// Percent that are taken, rounded up; 0 of nothing.
fn percent(used: u64, free: u64) -> u8 {
    let all = u128::from(used) + u128::from(free);
    let part = (u128::from(used) * 100).div_ceil(all.max(1));
    u8::try_from(part).unwrap_or(100)
}

/// What is known of a registry's volume, and where to ask again.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Version of the Deployment whose Pods are asked.
    deployment: Option<String>,
    pods: Vec<IpAddr>,
    volume: Option<VolumeUse>,
    /// How often in a row nothing was told while nothing is known.
    untold: u32,
    next: Option<Instant>,
}

impl Known {
    /// How full the volume was when somebody answered last.
    pub(super) const fn volume(&self) -> Option<VolumeUse> {
        self.volume
    }

    /// Whether the Pods are those of this version of the Deployment.
    fn is_of(&self, deployment: Option<&str>) -> bool {
        self.deployment.as_deref() == deployment
    }

    /// Whom to ask now, if it is time.
    pub(super) fn due(&self, now: Instant) -> Option<Vec<IpAddr>> {
        self.next.filter(|next| *next <= now && !self.pods.is_empty()).map(|_| self.pods.clone())
    }

    /// Takes note of an answer, `None` when there was none. Whether the status may have to say something else.
    pub(super) fn answered(&mut self, volume: Option<VolumeUse>, now: Instant, jitter: f64) -> bool {
        let known = self.volume;
        self.volume = volume.or(known);
        self.next = Some(now + self.pace().mul_f64(0.75 + jitter / 2.0));
        self.untold = if self.volume.is_none() { self.untold.saturating_add(1) } else { 0 };
        volume.is_some_and(|volume| known.is_none_or(|known| known.differs(&volume)))
    }

    /// How long to wait until the next question.
    fn pace(&self) -> Duration {
        match self.volume {
            None => SOON.saturating_mul(2_u32.saturating_pow(self.untold)).min(SELDOM),
            Some(volume) if volume.refused || volume.percent >= FILLING => OFTEN,
            Some(_) => SELDOM,
        }
    }

    /// Takes note of the Pods of another version of the Deployment.
    fn now_of(&mut self, deployment: Option<String>, pods: Vec<IpAddr>) {
        (self.deployment, self.pods, self.untold) = (deployment, pods, 0);
    }
}

/// How full the volume is; of a server that has just started, by asking it.
pub(super) async fn observe(
    context: &Context,
    name: &RegistryName,
    pods: &Pods<'_>,
    observed: &Observed,
) -> Option<VolumeUse> {
    let available = observed.deployment.as_ref().filter(|deployment| {
        deployment.status.as_ref().and_then(|status| status.available_replicas).unwrap_or_default() > 0
    });
    let version = available.and_then(|deployment| deployment.metadata.resource_version.clone());
    let memories = &context.memories;
    if memories.with_volume(name, |known| known.is_of(version.as_deref())) {
        return memories.with_volume(name, |known| known.volume());
    }
    let addresses = match &version {
        // The one that answered may be gone, and its address somebody else's.
        None => Vec::new(),
        Some(_) => match pods.started().await {
            Ok(pods) => pods.into_iter().map(|(_, address)| address).collect(),
            Err(error) => {
                tracing::debug!(registry = %name, error = super::chain(&error), "the volume is not asked about");
                return memories.with_volume(name, |known| known.volume());
            }
        },
    };
    let volume = ask_first(name, &addresses).await;
    memories.with_volume(name, |known| {
        known.now_of(version, addresses);
        known.answered(volume, Instant::now(), poll::jitter());
        known.volume()
    })
}

/// What the first of `pods` says that answers. That none does is nothing to tell people: other conditions say so.
async fn ask_first(name: &RegistryName, pods: &[IpAddr]) -> Option<VolumeUse> {
    for pod in pods {
        match ask::json::<Answer>(*pod, "/storage").await {
            Ok(answer) => return VolumeUse::of(&answer),
            Err(error) => tracing::debug!(registry = %name, %pod, error, "the Pod does not say how full its volume is"),
        }
    }
    None
}

#[cfg(test)]
mod tests;

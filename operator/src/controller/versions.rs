//! Which of the mounted files the Pods have loaded: asked of each on its port for health, `GET /versions`.
//!
//! The kubelet brings a changed Secret to its Pods within about a minute; a password may be told to clients only after that.
//! Once all Pods have said that they serve what is in the Secrets, they are not asked again until those change.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::api::core::v1::Secret;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::{
    memory::Memory,
    observe::{Error, Observed},
    pods::{Pods, ask},
};
use crate::names::key;

/// Which of the mounted files every running Pod has loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The htpasswd file.
    pub htpasswd: bool,
    /// The access rules.
    pub access: bool,
    /// The certificate.
    pub certificate: bool,
    /// What is missing, for people: the first Pod that lags behind.
    pub lagging: Option<String>,
    /// For how long the same files were missing.
    pub lagging_for: Duration,
}

/// SHA-256 of the mounted files, in hexadecimal; `None` is a file that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Versions {
    htpasswd: Option<String>,
    access: Option<String>,
    certificate: Option<String>,
}

/// What a Pod answers.
#[derive(Debug, Deserialize)]
struct Answer {
    certificate: Option<File>,
    htpasswd: Option<File>,
    access: Option<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    sha256: String,
}

impl From<Answer> for Versions {
    fn from(answer: Answer) -> Self {
        let sha256 = |file: Option<File>| file.map(|file| file.sha256);
        Self {
            htpasswd: sha256(answer.htpasswd),
            access: sha256(answer.access),
            certificate: sha256(answer.certificate),
        }
    }
}

impl Versions {
    fn of_secrets(observed: &Observed) -> Self {
        Self {
            htpasswd: file_version(observed.htpasswd.as_deref(), key::HTPASSWD),
            access: file_version(observed.htpasswd.as_deref(), key::ACCESS),
            certificate: file_version(observed.tls.as_deref(), key::CERTIFICATE),
        }
    }
}

/// The version of a file in a Secret, as the server reports it.
pub(super) fn file_version(secret: Option<&Secret>, key: &str) -> Option<String> {
    let value = secret?.data.as_ref()?.get(key)?;
    Some(hexadecimal(digest(&SHA256, &value.0).as_ref()))
}

/// Bytes in lower case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which files all running Pods have loaded.
pub(super) async fn loaded(pods: &Pods<'_>, observed: &Observed, memory: &mut Memory) -> Result<Loaded, Error> {
    let wanted = Versions::of_secrets(observed);
    if wanted == Versions::default() {
        // Nothing was ever mounted.
        return Ok(Loaded::default());
    }
    if memory.loaded.as_ref() == Some(&wanted) {
        return Ok(compare(&wanted, &[]));
    }
    let mut loaded = compare(&wanted, &ask_each(pods.started().await?).await);
    if loaded.lagging.is_none() {
        memory.lagging = None;
        memory.loaded = Some(wanted);
        return Ok(loaded);
    }
    memory.loaded = None;
    let since =
        memory.lagging.take().filter(|(files, _)| *files == wanted).map_or_else(Instant::now, |(_, since)| since);
    loaded.lagging_for = since.elapsed();
    memory.lagging = Some((wanted, since));
    Ok(loaded)
}

/// What each Pod says, asked at the same time.
async fn ask_each(pods: Vec<(String, IpAddr)>) -> Vec<(String, Result<Versions, String>)> {
    let mut answers = JoinSet::new();
    for (pod, address) in pods {
        answers.spawn(async move { (pod, get_versions(address).await) });
    }
    answers.join_all().await
}

async fn get_versions(address: IpAddr) -> Result<Versions, String> {
    ask::json::<Answer>(address, "/versions").await.map(Versions::from)
}

fn compare(wanted: &Versions, answers: &[(String, Result<Versions, String>)]) -> Loaded {
    let all = |same: fn(&Versions, &Versions) -> bool| {
        answers.iter().all(|(_, answer)| answer.as_ref().is_ok_and(|answer| same(answer, wanted)))
    };
    let htpasswd = all(|answer, wanted| answer.htpasswd == wanted.htpasswd);
    let access = all(|answer, wanted| answer.access == wanted.access);
    let certificate = all(|answer, wanted| answer.certificate == wanted.certificate);
    let lagging = answers.iter().find_map(|(pod, answer)| match answer {
        Ok(answer) if answer == wanted => None,
        Ok(_) => {
            Some(format!("Pod {pod} has not loaded the new files yet; the kubelet brings them within about a minute"))
        }
        Err(error) => Some(format!("Pod {pod} does not say on port 5001 which files it has loaded: {error}")),
    });
    Loaded { htpasswd, access, certificate, lagging, lagging_for: Duration::ZERO }
}

#[cfg(test)]
mod tests;

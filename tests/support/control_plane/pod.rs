//! What a kubelet would make of a registry's Deployment, as a process of this machine: the server of this tree with the files, the
//! variables and the configuration that the operator has written. One difference: it listens on an address that the test names.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, Secret, Volume, VolumeMount};
use tempfile::TempDir;

use super::own_address;
use super::process::Process;
use crate::namespace::Namespace;
use crate::program;
use crate::wait::until_true;

/// Where the server looks for its configuration.
const CONFIGURATION: &str = "/etc/distribution/config.yml";

/// A server in place of a Pod; it ends when dropped, and its volume goes with it.
#[derive(Debug)]
pub struct PlayedPod {
    process: Process,
    address: IpAddr,
    port: u16,
    _root: TempDir,
}

impl PlayedPod {
    /// Runs the server of the registry `name` as its Deployment says now, at a free port of `address`.
    pub(super) async fn start(namespace: &Namespace, name: &str, address: IpAddr) -> Result<Self> {
        let deployment = namespace.api::<Deployment>().get(name).await?;
        let pod = deployment.spec.and_then(|spec| spec.template.spec).context("a Deployment without a Pod")?;
        let container = pod.containers.first().context("a Pod without a container")?;
        let root = TempDir::with_prefix("played-pod-")?;
        mount(namespace, &pod, container, root.path()).await?;
        let mut environment = variables(namespace, container).await?;
        environment.push(("REGISTRY_HTTP_ADDR".to_owned(), format!("{address}:0")));
        environment.push(("REGISTRY_HTTP_DEBUG_ADDR".to_owned(), format!("{}:5001", own_address())));
        let environment = environment.iter().map(|(name, value)| (name.as_str(), Path::new(value)));
        let arguments = ["serve".to_owned(), inside(root.path(), CONFIGURATION).display().to_string()];
        let log = root.path().join("log");
        let mut process = Process::start(&program::built("registry")?, &arguments, environment, log)?;
        let port = port(&mut process, address).await?;
        Ok(Self { process, address, port, _root: root })
    }

    /// Where it listens.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The port at which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// The port that it says it has got.
async fn port(process: &mut Process, address: IpAddr) -> Result<u16> {
    let announced = format!("serving https on {address}:");
    let mut port = None;
    until_true(async || {
        process.ensure_running()?;
        let log = process.log();
        let rest = log.split_once(&announced).map(|(_, rest)| rest);
        port = rest.and_then(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok());
        Ok(port.is_some())
    })
    .await?;
    port.context("a server without a port")
}

/// `path` of the container as this machine has it.
fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Writes every volume below `root` at its mount, with paths of the container replaced by those of this machine.
async fn mount(namespace: &Namespace, pod: &PodSpec, container: &Container, root: &Path) -> Result<()> {
    let mounts = container.volume_mounts.as_deref().unwrap_or_default();
    for mount in mounts {
        let folder = inside(root, &mount.mount_path);
        std::fs::create_dir_all(&folder)?;
        let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name);
        for (name, text) in files(namespace, volume.context("a mount without its volume")?).await? {
            std::fs::write(folder.join(name), translated(text, mounts, root))?;
        }
    }
    Ok(())
}

/// `text` with the values in it that are paths of the container as this machine has them.
fn translated(text: String, mounts: &[VolumeMount], root: &Path) -> String {
    let value = |path: &str| format!(": {path}");
    mounts
        .iter()
        .map(|mount| mount.mount_path.as_str())
        .fold(text, |text, path| text.replace(&value(path), &value(&inside(root, path).display().to_string())))
}

/// The files of a volume; none of one that is for data.
async fn files(namespace: &Namespace, volume: &Volume) -> Result<BTreeMap<String, String>> {
    if let Some(source) = &volume.config_map {
        return Ok(namespace.api::<ConfigMap>().get(&source.name).await?.data.unwrap_or_default());
    }
    match volume.secret.as_ref().and_then(|source| source.secret_name.as_deref()) {
        Some(name) => texts(namespace, name).await,
        None => Ok(BTreeMap::new()),
    }
}

/// What is in a Secret, all of which is text.
async fn texts(namespace: &Namespace, secret: &str) -> Result<BTreeMap<String, String>> {
    let data = namespace.api::<Secret>().get(secret).await?.data.unwrap_or_default();
    data.into_iter().map(|(key, value)| Ok((key, String::from_utf8(value.0)?))).collect()
}

/// The container's variables, with what they take from Secrets.
async fn variables(namespace: &Namespace, container: &Container) -> Result<Vec<(String, String)>> {
    let mut variables = Vec::new();
    for variable in container.env.iter().flatten() {
        let reference = variable.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref());
        let value = match reference {
            Some(reference) => texts(namespace, &reference.name).await?.remove(&reference.key),
            None => variable.value.clone(),
        };
        let value = value.with_context(|| format!("variable {} has no value", variable.name))?;
        variables.push((variable.name.clone(), value));
    }
    Ok(variables)
}

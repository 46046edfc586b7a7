//! Flags and environment of the Pods on nodes, and what runs there because of them.

use std::{
    env,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context as _;
use axum::Router;
use tokio::{sync::watch, task::spawn_blocking};

use super::{
    Entry, Owner, Places,
    agent::{Agent, Settings},
    canary::{self, Image},
    containerd,
    mounts::Mounts,
    report::{self, Board},
};
use crate::{
    admin,
    args::{client, runtime, tell_to_stop, told},
    metrics::Metrics,
    names::is_object_name,
    telemetry::{self, Format},
};

/// Keeps the files by which this node's container runtime finds and trusts registries.
#[derive(Debug, clap::Args)]
pub struct NodeTrust {
    /// Name of the node that this Pod is on
    #[arg(long, env)]
    node_name: String,

    /// Namespace of this Pod, where the operator tells of registries
    #[arg(long, env)]
    pod_namespace: String,

    /// `DaemonSet` that this Pod is of
    #[arg(long, env)]
    daemon_set: String,

    /// DNS domain of the cluster
    #[arg(long, env, default_value = "cluster.local", value_parser = domain)]
    cluster_domain: String,

    /// Where this process sees the node's root directory
    #[arg(long, env, default_value = "/host")]
    host_root: PathBuf,

    /// Directory of the node in which containerd looks for hosts: its `config_path`
    #[arg(long, env, default_value_os_t = Places::default().containerd)]
    containerd_certs_dir: PathBuf,

    /// Configuration of the node's containerd, which is only read
    #[arg(long, env, default_value = containerd::CONFIG)]
    containerd_config: PathBuf,

    /// Host under which this Pod serves the image by which the runtime proves itself; without it there is none
    #[arg(long, env, requires = "pod_ip", value_parser = canary::host)]
    canary_host: Option<String>,

    /// Address of this Pod
    #[arg(long, env)]
    pod_ip: Option<IpAddr>,

    /// Where /livez, /startedz, /readyz, the canary's image and what the operator asks are served
    #[arg(long, env, default_value = "[::]:5001")]
    admin_addr: SocketAddr,

    /// Least severe level that is logged: error, warn, info, debug or trace
    #[arg(long, env, default_value_t = tracing::Level::INFO)]
    log_level: tracing::Level,

    /// Form of a log line
    #[arg(long, env, value_enum, default_value_t = Format::Json)]
    log_format: Format,
}

fn domain(text: &str) -> Result<String, String> {
    is_object_name(text).then(|| text.to_owned()).ok_or_else(|| "is no DNS domain".to_owned())
}

impl NodeTrust {
    /// Does what the flags say, until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When something that has to run has ended.
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::init(self.log_level, self.log_format);
        runtime(1)?.block_on(self.keep())
    }

    async fn keep(self) -> anyhow::Result<()> {
        let listener = admin::listen(self.admin_addr).await?;
        let client = client(&Metrics::default()).await?;
        let board = Board::new();
        let settings = self.settings()?;
        let served = report::router(board.clone()).merge(image(settings.canary.is_some()).await?);
        let mut agent = Agent::new(client, settings, board);
        let (stop, stopped) = watch::channel(false);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), admin = %listener.local_addr()?, "starting");

        let work = async {
            tokio::select! {
                replaced = agent.keep() => return Err(replaced.into()),
                () = told(stopped) => {}
            }
            agent.depart().await;
            Ok(())
        };
        tokio::select! {
            done = work => done,
            served = axum::serve(listener, served) => served.context("the admin endpoints have ended"),
            result = tell_to_stop(stop) => result,
        }
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let owner = Owner::new(&self.pod_namespace).context("failed to use the namespace of this Pod: it is none")?;
        let containerd = self.containerd_certs_dir.clone();
        Ok(Settings {
            node_name: self.node_name.clone(),
            namespace: self.pod_namespace.clone(),
            daemon_set: self.daemon_set.clone(),
            cluster_domain: self.cluster_domain.clone(),
            owner,
            places: Places { root: self.host_root.clone(), containerd, ..Places::default() },
            containerd_config: self.containerd_config.clone(),
            canary: self.canary(),
            mounts: Mounts::read(&self.host_root)?,
        })
    }

    fn canary(&self) -> Option<Entry> {
        let (host, address) = self.canary_host.clone().zip(self.pod_ip)?;
        Some(Entry::of_canary(host, SocketAddr::new(address, self.admin_addr.port())))
    }
}

/// The registry with the canary's image, which is this program.
async fn image(wanted: bool) -> anyhow::Result<Router> {
    if !wanted {
        return Ok(Router::new());
    }
    let read = spawn_blocking(|| Image::of(&env::current_exe()?)).await.context("failed to read this program")?;
    Ok(canary::router(read.context("failed to read this program, which is the canary's image")?))
}

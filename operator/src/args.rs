//! Flags and environment, and what runs because of them. Errors end here: they are printed and the process ends.

use std::{
    io::{Write, stdout},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{ArgAction, Parser, Subcommand};
use futures::FutureExt;
use jiff::SignedDuration;
use kube::{Client, client::ClientBuilder, runtime::events::Reporter};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tower::{BoxError, ServiceBuilder, timeout::TimeoutLayer};

use crate::{
    admin,
    api::v1alpha1,
    check::Installation,
    controller::{self, Scope, Settings},
    lease::Election,
    metrics::Metrics,
    names::FIELD_MANAGER,
    node_trust::args::NodeTrust,
    plugin::Plugin,
    telemetry::{self, Format},
};

/// How long the API server may take to begin an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long a watch may be silent: the API server sends a bookmark every minute, so that one that is not heard is broken.
const SILENCE: Duration = Duration::from_secs(100);

/// Keeps the registries that `PrivateRegistry` resources ask for.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Image of a registry whose spec names none
    #[arg(long, env, default_value = concat!("privateregistry/server:", env!("CARGO_PKG_VERSION")))]
    server_image: String,

    /// DNS domain of the cluster
    #[arg(long, env, default_value = "cluster.local")]
    cluster_domain: String,

    /// Namespaces to work in, separated by commas; all of them if empty
    #[arg(long, env, value_delimiter = ',', default_value = "")]
    watch_namespaces: Vec<String>,

    /// Namespaces that take copies of pull Secrets without the label privateregistry.io/pull-secrets, separated by commas
    #[arg(long, env, value_delimiter = ',', default_value = "")]
    pull_secret_namespaces: Vec<String>,

    /// `DaemonSet` of this namespace that tells nodes of registries; without it that is switched off
    #[arg(long, env)]
    node_trust_daemon_set: Option<String>,

    /// Where /livez, /readyz and /metrics are served
    #[arg(long, env, default_value = "[::]:8080")]
    admin_addr: SocketAddr,

    /// Work only while holding the Lease, so that several replicas can run
    #[arg(long, env, default_value_t = true, action = ArgAction::Set)]
    leader_elect: bool,

    /// Name of this Pod: who holds the Lease and reports Events
    #[arg(long, env, default_value = FIELD_MANAGER)]
    pod_name: String,

    /// Namespace of this Pod, where the Lease is
    #[arg(long, env, default_value = "default")]
    pod_namespace: String,

    /// How long an old password is accepted after clients were told the new one, such as 5m
    #[arg(long, env, default_value = "5m", value_parser = duration)]
    credentials_grace_period: SignedDuration,

    /// Registries that are worked on at the same time
    #[arg(long, env, default_value_t = 8)]
    concurrency: u16,

    /// Least severe level that is logged: error, warn, info, debug or trace
    #[arg(long, env, default_value_t = tracing::Level::INFO)]
    log_level: tracing::Level,

    /// Form of a log line
    #[arg(long, env, value_enum, default_value_t = Format::Json)]
    log_format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look whether an installation is whole: the definition, the rights of this account, an operator that works
    Check(Check),
    /// Print the `CustomResourceDefinition` in YAML
    Crd,
    /// What the program does under the name kubectl-preg
    Preg(Plugin),
    /// Keep the files by which this node's container runtime finds and trusts registries
    NodeTrust(NodeTrust),
    /// What the canary of a node runs, by which the node's runtime proves itself: nothing, until it is asked to end
    #[command(hide = true)]
    Canary,
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Namespaces that registries are kept in, separated by commas; all of them if empty
    #[arg(long, env, value_delimiter = ',', default_value = "")]
    watch_namespaces: Vec<String>,

    /// Whether operators agree by a Lease on the one that works
    #[arg(long, env, default_value_t = true, action = ArgAction::Set)]
    leader_elect: bool,

    /// Namespace of the operator, where the Lease is
    #[arg(long, env, default_value = "default")]
    pod_namespace: String,

    /// How long to wait for what is not there yet, such as 1m
    #[arg(long, default_value = "1m", value_parser = duration)]
    within: SignedDuration,
}

impl Check {
    /// Prints what was found. The exit code is 1 when something is wrong.
    fn run(self) -> anyhow::Result<ExitCode> {
        let installation = Installation {
            namespaces: names(self.watch_namespaces),
            namespace: self.pod_namespace,
            leader_election: self.leader_elect,
        };
        let findings = runtime(1)?.block_on(async {
            let client = client(&Metrics::default()).await?;
            anyhow::Ok(installation.look(&client, self.within.unsigned_abs()).await)
        })?;
        let well = findings.iter().all(|finding| finding.fault.is_none());
        let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
        stdout().write_all(lines.as_bytes()).context("failed to print")?;
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Work is waiting for the API server, and hashing on threads of its own: one thread is enough and keeps memory small.
pub(crate) fn runtime(blocking_threads: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking_threads)
        .build()
        .context("failed to start the runtime")
}

/// `5m`, `90s`, `1h30m`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration = text.parse::<SignedDuration>().map_err(|error| error.to_string())?;
    if duration.is_negative() { Err("must not be negative".to_owned()) } else { Ok(duration) }
}

impl Args {
    /// Does what the flags say, until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When something that has to run has ended, with what to do in its text where that is known.
    pub fn run(mut self) -> anyhow::Result<ExitCode> {
        match self.command.take() {
            Some(Command::Crd) => stdout().write_all(v1alpha1::crd_yaml()?.as_bytes()).context("failed to print")?,
            Some(Command::Preg(plugin)) => return Ok(plugin.run()?),
            Some(Command::Check(check)) => return check.run(),
            Some(Command::NodeTrust(node)) => node.run()?,
            Some(Command::Canary) => idle()?,
            None => self.operate_until_told()?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn operate_until_told(self) -> anyhow::Result<()> {
        telemetry::init(self.log_level, self.log_format);
        runtime(usize::from(self.concurrency.clamp(1, 4)))?.block_on(self.operate())
    }

    async fn operate(self) -> anyhow::Result<()> {
        let metrics = Arc::new(Metrics::default());
        let listener = admin::listen(self.admin_addr).await?;
        let client = client(&metrics).await?;
        let (stop, stopped) = watch::channel(false);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), admin = %self.admin_addr, "starting");

        // Every part is awaited here: when one ends, so does the process.
        let admin = admin::serve(listener, Arc::clone(&metrics));
        let work = self.work(client, metrics, stopped);
        tokio::select! {
            result = work => result,
            result = admin => result.context("the admin endpoints have ended"),
            result = tell_to_stop(stop) => result,
        }
    }

    /// Waits for the lease, works, and gives the lease back.
    async fn work(self, client: Client, metrics: Arc<Metrics>, stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        if !self.leader_elect {
            metrics.leads(true);
            self.control(client, metrics, stopped).await;
            return Ok(());
        }
        let mut election = Election::new(client.clone(), &self.pod_namespace, &self.pod_name);
        let mut held = tokio::select! {
            held = election.won() => held,
            () = told(stopped.clone()) => return Ok(()),
        };
        tracing::info!(identity = self.pod_name, "holding the lease");
        metrics.leads(true);
        // Told to stop, the controllers end what is under way, and the lease is renewed until they have.
        tokio::select! {
            () = self.control(client, metrics, stopped) => {}
            lost = election.lost(&mut held) => bail!("lost the lease: {lost}"),
        }
        Ok(election.resign(&held).await?)
    }

    async fn control(self, client: Client, metrics: Arc<Metrics>, stopped: watch::Receiver<bool>) {
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(self.pod_name) };
        let settings = Settings {
            server_image: self.server_image,
            cluster_domain: self.cluster_domain,
            namespace: self.pod_namespace,
            grace: self.credentials_grace_period,
            concurrency: self.concurrency,
            pull_secret_namespaces: names(self.pull_secret_namespaces).into_iter().collect(),
            node_trust: self.node_trust_daemon_set.filter(|name| !name.is_empty()),
        };
        let shutdown = told(stopped).boxed().shared();
        controller::run(client, scopes(self.watch_namespaces), settings, reporter, metrics, shutdown).await;
    }
}

/// Each name once, in order.
fn names(listed: Vec<String>) -> Vec<String> {
    let mut names: Vec<_> =
        listed.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    names
}

fn scopes(namespaces: Vec<String>) -> Vec<Scope> {
    let namespaces = names(namespaces);
    if namespaces.is_empty() { vec![Scope::Cluster] } else { namespaces.into_iter().map(Scope::Namespace).collect() }
}

/// A client of the cluster that the environment or the Pod's `ServiceAccount` names. Its requests are counted, and each is
/// bounded in time: one that is not answered is the caller's to repeat, after the caller's own pause.
pub(crate) async fn client(metrics: &Metrics) -> anyhow::Result<Client> {
    let mut config = kube::Config::infer()
        .await
        .context("failed to find a cluster: set KUBECONFIG, or run in a Pod with a ServiceAccount")?;
    config.default_retry = false;
    config.read_timeout = Some(SILENCE);
    let builder = ClientBuilder::try_from(config).context("failed to make a client of the API server")?;
    let layers = ServiceBuilder::new()
        .layer(metrics.count_requests())
        .map_err(|error: BoxError| error)
        .layer(TimeoutLayer::new(ANSWER_WITHIN));
    Ok(builder.with_layer(&layers).build())
}

/// Says by `stop` when the process is asked to end, and waits for ever then: the work ends by itself, and with it the process.
pub(crate) async fn tell_to_stop(stop: watch::Sender<bool>) -> anyhow::Result<()> {
    terminated().await?;
    tracing::info!("stopping");
    stop.send_replace(true);
    std::future::pending().await
}

fn idle() -> anyhow::Result<()> {
    runtime(1)?.block_on(terminated())
}

/// Waits until the process is asked to end.
async fn terminated() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Waits until `stopped` says so.
pub(crate) async fn told(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody can say so any more.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn no_namespaces_are_all_namespaces() {
        assert_eq!(scopes(vec![String::new()]), [Scope::Cluster]);
        let two = [Scope::Namespace("hall".into()), Scope::Namespace("kitchen".into())];
        assert_eq!(scopes(vec!["kitchen".into(), " hall".into(), "kitchen".into()]), two);
    }

    #[test]
    fn durations_are_written_as_people_do() {
        assert_eq!(duration("5m"), Ok(SignedDuration::from_mins(5)));
        assert_eq!(duration("1h30m"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(duration("0s"), Ok(SignedDuration::ZERO));
        assert!(duration("-5m").is_err());
        assert!(duration("soon").is_err());
    }

    #[test]
    fn the_defaults_are_those_of_a_release() {
        let args = Args::parse_from(["private-registry-operator"]);
        assert_eq!(args.server_image, "privateregistry/server:0.1.0");
        assert!(args.leader_elect);
        assert!(!Args::parse_from(["private-registry-operator", "--leader-elect=false"]).leader_elect);
    }
}

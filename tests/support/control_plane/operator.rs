//! The operator as a process of this machine, out of the cluster, with the account and the rights of its Pod.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::net::TcpStream;

use super::own_address;
use super::process::Process;
use super::requests::Requests;
use crate::https::{self, Answer};
use crate::wait::{eventually, let_pass, until_true};
use crate::{operator, program, root};

/// Port of its health and metrics.
const ADMIN_PORT: u16 = 8080;

/// An operator that is about to be started.
#[derive(Debug)]
pub struct OperatorRequest {
    pub(super) kubeconfig: PathBuf,
    pub(super) flags: Vec<String>,
    pub(super) log: PathBuf,
}

impl OperatorRequest {
    /// Further flags, which win over those before them only where the operator takes one more than once.
    #[must_use]
    pub fn flags<'a>(mut self, flags: impl IntoIterator<Item = &'a str>) -> Self {
        self.flags.extend(flags.into_iter().map(str::to_owned));
        self
    }

    /// Speaks to an API server at another place, such as a proxy: the kubeconfig says where.
    #[must_use]
    pub fn kubeconfig(mut self, kubeconfig: PathBuf) -> Self {
        self.kubeconfig = kubeconfig;
        self
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(self) -> Result<Operator> {
        let mut operator = self.spawn()?;
        operator.until_ready().await?;
        Ok(operator)
    }

    /// Starts it, and waits for nothing.
    pub fn spawn(self) -> Result<Operator> {
        let admin = SocketAddr::new(IpAddr::V4(own_address()), ADMIN_PORT);
        let mut arguments = vec![
            format!("--admin-addr={admin}"),
            format!("--pod-namespace={}", operator::NAMESPACE),
            "--log-format=text".to_owned(),
        ];
        arguments.extend(self.flags);
        let shipped = image_environment()?;
        let shipped = shipped.iter().map(|(name, value)| (name.as_str(), Path::new(value)));
        let environment = shipped.chain([("KUBECONFIG", self.kubeconfig.as_path())]);
        Operator::spawn(&arguments, environment, self.log, admin)
    }
}

/// What the operator's image sets; that of the server sets nothing.
fn image_environment() -> Result<Vec<(String, String)>> {
    let images =
        std::fs::read_to_string(root().join("deploy/Dockerfile")).context("failed to read deploy/Dockerfile")?;
    let set = images.lines().filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    let pair = |set: &str| set.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    set.map(|set| pair(set).with_context(|| format!("deploy/Dockerfile sets {set}"))).collect()
}

/// A running operator; it is killed when dropped.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    admin: SocketAddr,
}

impl Operator {
    /// Starts the program, which is to serve its health at `admin`.
    pub(super) fn spawn<'a>(
        arguments: &[String],
        environment: impl IntoIterator<Item = (&'a str, &'a Path)>,
        log: PathBuf,
        admin: SocketAddr,
    ) -> Result<Self> {
        let process = Process::start(&program::built("private-registry-operator")?, arguments, environment, log)?;
        Ok(Self { process, admin })
    }

    /// Waits until `/readyz` says so; an error shows the end of its log.
    pub async fn until_ready(&mut self) -> Result<()> {
        until_true(async || {
            self.process.ensure_running()?;
            Ok(self.ask("/readyz").await.is_ok_and(|answer| answer.status == StatusCode::OK))
        })
        .await
        .context("the operator does not become ready")
    }

    /// What it answers at the port of its health and metrics.
    pub async fn ask(&self, path: &str) -> Result<Answer> {
        let stream = TcpStream::connect(self.admin).await?;
        https::send(stream, Method::GET, &self.admin.to_string(), path, None, Bytes::new()).await
    }

    /// Its metrics, as Prometheus would read them.
    pub async fn metrics(&self) -> Result<String> {
        let answer = self.ask("/metrics").await?;
        ensure!(answer.status == StatusCode::OK, "the operator answered {} for /metrics", answer.status);
        Ok(answer.text())
    }

    /// The value of one line of its metrics, such as `leader` or `reconciles_total{outcome="ok"}`; 0 while there is none.
    pub async fn metric(&self, series: &str) -> Result<f64> {
        let metrics = self.metrics().await?;
        let series = format!("private_registry_operator_{series} ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok());
        Ok(value.unwrap_or_default())
    }

    /// The sum of all lines of a metric, such as `api_errors_total`, whose labels contain `label`.
    pub async fn sum(&self, metric: &str, label: &str) -> Result<f64> {
        let metrics = self.metrics().await?;
        let series = format!("private_registry_operator_{metric}{{");
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(&series)?.split_once("} "));
        let values =
            lines.filter(|(labels, _)| labels.contains(label)).filter_map(|(_, value)| value.parse::<f64>().ok());
        Ok(values.sum())
    }

    /// Waits until there was no request for `rest`, which is longer than any pause of an operator that is at work.
    pub async fn until_at_rest(&self, rest: Duration) -> Result<Requests> {
        eventually("the operator to come to rest", async || {
            let before = self.requests().await?;
            let_pass(rest).await;
            let after = self.requests().await?;
            let asked = after.since(&before).at_rest();
            ensure!(asked == Requests::default(), "it asked: {asked:?}");
            Ok(after)
        })
        .await
    }

    /// What it has asked of the API server.
    pub async fn requests(&self) -> Result<Requests> {
        Ok(Requests::of(&self.metrics().await?))
    }

    /// Asks it to end, as the kubelet does, and waits until it has; whether it ended without an error.
    pub async fn stop(&mut self) -> Result<bool> {
        self.process.terminate()?;
        self.ended().await
    }

    /// Waits until it has ended by itself; whether it did so without an error.
    pub async fn ended(&mut self) -> Result<bool> {
        let mut success = false;
        until_true(async || {
            let status = self.process.ended()?;
            success = status.is_some_and(|status| status.success());
            Ok(status.is_some())
        })
        .await
        .with_context(|| format!("the operator does not end: {}", self.process.tail()))?;
        Ok(success)
    }

    /// Kills it, as when its node fails.
    pub fn kill(&mut self) {
        self.process.kill();
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

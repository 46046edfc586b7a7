//! The way into the cluster for clients outside it: the API server's port-forward.
//!
//! `Proxy` is an HTTP proxy for CONNECT on this machine's loopback. Through it an ordinary client uses a registry under its
//! in-cluster name, so that the generated Secrets and certificates are tested as they are, without a word replaced.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::https::{Answer, send};
use crate::registry::Registry;

/// Opens a connection to a port of a Pod.
pub async fn open(pods: &Api<Pod>, pod: &str, port: u16) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
    let forward = pods.portforward(pod, &[port]).await;
    let mut forward = forward.with_context(|| format!("failed to forward port {port} of Pod {pod}"))?;
    forward.take_stream(port).context("the port-forward has no stream")
}

/// GET over plain HTTP from a port of a Pod: for health and metrics.
pub async fn get_plain(pods: &Api<Pod>, pod: &str, port: u16, path: &str) -> Result<Answer> {
    send(open(pods, pod, port).await?, Method::GET, pod, path, None, Bytes::new()).await
}

/// Where a proxy leads.
#[derive(Clone)]
enum Destination {
    /// To a registry, whatever Pod serves it then.
    Registry(Box<Registry>),
    /// To an address of this machine.
    Address(SocketAddr),
}

/// A proxy that leads every connection to one place. Gone when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// One that leads to a registry, whatever Pod serves it then.
    pub async fn to(registry: Registry) -> Result<Self> {
        Self::listen(Destination::Registry(Box::new(registry))).await
    }

    /// One that leads to an address, whatever host is asked for.
    pub async fn to_address(address: SocketAddr) -> Result<Self> {
        Self::listen(Destination::Address(address)).await
    }

    /// Listens on a free port of the loopback.
    async fn listen(destination: Destination) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, serving: tokio::spawn(serve(listener, destination)) })
    }

    /// The proxy's URL, for `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, destination: Destination) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let destination = destination.clone();
        // A client whose connection fails reports it better than we could.
        connections.spawn(async move { lead(stream, &destination).await.ok() });
    }
}

/// Answers one CONNECT (RFC 9110 §9.3.6) and passes bytes until both sides are done.
async fn lead(stream: TcpStream, destination: &Destination) -> Result<()> {
    let mut client = BufReader::new(stream);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    ensure!(line.starts_with("CONNECT "), "only CONNECT is served");
    while line.trim_end() != "" {
        line.clear();
        client.read_line(&mut line).await?;
    }
    match destination {
        Destination::Registry(registry) => pass(client, registry.connect().await?).await,
        Destination::Address(address) => pass(client, TcpStream::connect(address).await?).await,
    }
}

async fn pass(mut client: BufReader<TcpStream>, mut server: impl AsyncRead + AsyncWrite + Unpin) -> Result<()> {
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

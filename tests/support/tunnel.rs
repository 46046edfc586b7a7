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

/// A proxy that leads every connection to one registry, whatever Pod serves it then. Gone when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of the loopback.
    pub async fn to(registry: Registry) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, serving: tokio::spawn(serve(listener, registry)) })
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

async fn serve(listener: TcpListener, registry: Registry) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let registry = registry.clone();
        // A client whose connection fails reports it better than we could.
        connections.spawn(async move { lead(stream, &registry).await.ok() });
    }
}

/// Answers one CONNECT (RFC 9110 §9.3.6) and passes bytes until both sides are done.
async fn lead(stream: TcpStream, registry: &Registry) -> Result<()> {
    let mut client = BufReader::new(stream);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    ensure!(line.starts_with("CONNECT "), "only CONNECT is served");
    while line.trim_end() != "" {
        line.clear();
        client.read_line(&mut line).await?;
    }
    let mut server = registry.connect().await?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

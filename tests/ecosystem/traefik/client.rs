//! Somebody outside the cluster who pushes and pulls through traefik: crane, and requests one by one.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode, header};
use hyper::body::Body;
use hyper::client::conn::http1::SendRequest;
use support::crane::Crane;
use support::credentials::Credentials;
use support::https::{self, Answer};
use support::image::Image;
use support::tunnel::Proxy;
use support::wait::eventually;
use tokio::net::TcpStream;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A client.
#[derive(Clone)]
pub(super) struct Client {
    /// Where traefik listens.
    pub(super) front: SocketAddr,
    /// The host by which it calls the registry.
    pub(super) host: &'static str,
    /// PEM of the authority of the certificate that it is shown.
    pub(super) authority: String,
    /// What is in the push Secret.
    pub(super) credentials: Credentials,
}

impl Client {
    /// Waits until the registry lets it in.
    pub(super) async fn until_let_in(&self) -> Result<()> {
        eventually("the registry behind traefik", async || {
            let answer = self.ask(Method::GET, "/v2/", &[], Bytes::new()).await?;
            ensure!(answer.status == StatusCode::OK, "{} answered {}: {}", self.host, answer.status, answer.text());
            Ok(())
        })
        .await
    }

    /// Waits until traefik refuses to lead there, because it cannot verify the registry's certificate.
    pub(super) async fn until_not_verified(&self) -> Result<()> {
        eventually("traefik to refuse a certificate that it cannot verify", async || {
            let status = self.ask(Method::GET, "/v2/", &[], Bytes::new()).await?.status;
            ensure!(status == StatusCode::INTERNAL_SERVER_ERROR, "it answered {status}");
            Ok(())
        })
        .await
    }

    /// The same somewhere else.
    pub(super) fn at(&self, front: SocketAddr) -> Self {
        Self { front, ..self.clone() }
    }

    /// Pushes `image` as `name` with crane, with the push Secret as it is, and pulls it again.
    pub(super) async fn round_trip(&self, image: &Image, name: &str) -> Result<()> {
        let (registry, ca) = (self.host.to_owned(), self.authority.clone());
        let credentials = Credentials { registry, ca, ..self.credentials.clone() };
        let crane = Crane::through(Proxy::to_address(self.front).await?, credentials)?;
        crane.push(image, name).await?;
        crane.pull_same(image, name).await
    }

    /// Starts an upload, and returns where it is.
    pub(super) async fn start_upload(&self, repository: &str) -> Result<String> {
        let answer = self.ask(Method::POST, &format!("/v2/{repository}/blobs/uploads/"), &[], Bytes::new()).await?;
        ensure!(answer.status == StatusCode::ACCEPTED, "an upload was answered {}", answer.status);
        location(&answer.headers)
    }

    /// Ends the upload at `upload`, and returns where the blob is.
    pub(super) async fn finish_upload(&self, upload: &str, digest: &str) -> Result<String> {
        let separator = if upload.contains('?') { '&' } else { '?' };
        let answer = self.ask(Method::PUT, &format!("{upload}{separator}digest={digest}"), &[], Bytes::new()).await?;
        ensure!(answer.status == StatusCode::CREATED, "its end was answered {}: {}", answer.status, answer.text());
        location(&answer.headers)
    }

    /// Sends one request with these `headers`.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer> {
        let request =
            headers.iter().fold(self.request(method, path), |request, (name, value)| request.header(*name, *value));
        https::ask(&mut self.connection().await?, request.body(body)?).await
    }

    /// The beginning of a request.
    pub(super) fn request(&self, method: Method, path: &str) -> Builder {
        let (user, password) = self.credentials.login();
        let request = Request::builder().method(method).uri(path).header(header::HOST, self.host);
        request.header(header::AUTHORIZATION, https::basic(user, password))
    }

    /// A connection to traefik, which shows a certificate of this host.
    pub(super) async fn connection<B>(&self) -> Result<SendRequest<B>>
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let stream = TcpStream::connect(self.front).await?;
        https::open(https::connect(stream, self.host, &self.authority).await?).await
    }
}

/// Where an answer leads.
pub(super) fn location(headers: &HeaderMap) -> Result<String> {
    Ok(headers.get(header::LOCATION).context("no Location")?.to_str()?.to_owned())
}

//! A client of the distribution API (distribution-spec 1.1), as plain as possible: each step is one request whose answer is
//! looked at.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::document::{self, Document};
use crate::https::{self, Answer};
use crate::registry::Registry;
use crate::server::Program;

/// Asks one server. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    /// What serves.
    pub program: Program,
    way: Way,
    connection: Arc<Mutex<Option<SendRequest<Full<Bytes>>>>>,
}

#[derive(Clone)]
enum Way {
    /// Plain HTTP to this address.
    Tcp(String),
    /// TLS to a registry in the cluster.
    Cluster { registry: Box<Registry>, host: String, authorities: String, authorization: String },
}

impl Client {
    /// A client of the server at `address`, plain HTTP without users.
    pub fn to(program: Program, address: String) -> Self {
        Self { program, way: Way::Tcp(address), connection: Arc::default() }
    }

    /// A client of a registry in the cluster that logs in as `user`.
    pub async fn of(registry: &Registry, user: &str, password: &str) -> Result<Self> {
        let authorities = registry.credentials("pull").await?.ca;
        Ok(Self::under(&registry.host(), Program::Ours, registry, &authorities, (user, password)))
    }

    /// A client of a registry in the cluster that asks for `host`, trusts `authorities` and logs in as `user` with a password.
    pub fn under(
        host: &str,
        program: Program,
        registry: &Registry,
        authorities: &str,
        (user, password): (&str, &str),
    ) -> Self {
        let way = Way::Cluster {
            registry: Box::new(registry.clone()),
            host: host.to_owned(),
            authorities: authorities.to_owned(),
            authorization: https::basic(user, password),
        };
        Self { program, way, connection: Arc::default() }
    }

    /// Sends one request, after the one before has been answered.
    pub async fn send(&self, method: Method, target: &str, headers: HeaderMap, body: Bytes) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(target);
        request.headers_mut().context("the request is malformed")?.extend(headers);
        let request = match &self.way {
            Way::Tcp(address) => request.header(header::HOST, address),
            Way::Cluster { host, authorization, .. } => {
                request.header(header::HOST, host).header(header::AUTHORIZATION, authorization)
            }
        };
        let mut connection = self.connection.lock().await;
        let mut open = match connection.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.connect().await?,
        };
        open.ready().await?;
        let answer = https::ask(&mut open, request.body(body)?).await?;
        *connection = Some(open);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        match &self.way {
            Way::Tcp(address) => https::open(TcpStream::connect(address).await?).await,
            Way::Cluster { registry, host, authorities, .. } => {
                https::open(https::connect(registry.connect().await?, host, authorities).await?).await
            }
        }
    }

    /// GET, of a manifest in whatever form it has.
    pub async fn get(&self, target: &str) -> Result<Answer> {
        self.ask(Method::GET, target).await
    }

    /// As `get`, but without the body.
    pub async fn head(&self, target: &str) -> Result<Answer> {
        self.ask(Method::HEAD, target).await
    }

    async fn ask(&self, method: Method, target: &str) -> Result<Answer> {
        let mut headers = HeaderMap::new();
        for media_type in document::MEDIA_TYPES {
            headers.append(header::ACCEPT, media_type.parse()?);
        }
        self.send(method, target, headers, Bytes::new()).await
    }

    /// The JSON document at `target`.
    pub async fn json(&self, target: &str) -> Result<Value> {
        let answer = self.get(target).await?;
        ensure!(answer.status == 200, "{target} was answered with {}: {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).with_context(|| format!("the answer to {target} is no JSON"))
    }

    /// DELETE, which has to be accepted.
    pub async fn delete(&self, target: &str) -> Result<()> {
        let answer = self.send(Method::DELETE, target, HeaderMap::new(), Bytes::new()).await?;
        ensure!(answer.status == 202, "DELETE {target} was answered with {}: {}", answer.status, answer.text());
        Ok(())
    }

    /// Stores a manifest under a tag or its digest.
    pub async fn put_manifest(&self, repository: &str, reference: &str, manifest: &Document) -> Result<()> {
        let target = format!("/v2/{repository}/manifests/{reference}");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, manifest.media_type.parse()?)]);
        let answer = self.send(Method::PUT, &target, headers, manifest.content.clone()).await?;
        ensure!(answer.status == 201, "PUT {target} was answered with {}: {}", answer.status, answer.text());
        Ok(())
    }

    /// Begins an upload and returns where it goes on.
    pub async fn begin_upload(&self, repository: &str) -> Result<String> {
        let target = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.send(Method::POST, &target, HeaderMap::new(), Bytes::new()).await?;
        ensure!(answer.status == 202, "POST {target} was answered with {}: {}", answer.status, answer.text());
        location(&answer)
    }

    /// Adds a chunk to an upload and returns where it goes on.
    pub async fn append(&self, upload: &str, chunk: &Bytes) -> Result<String> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/octet-stream".parse()?)]);
        let answer = self.send(Method::PATCH, upload, headers, chunk.clone()).await?;
        ensure!(answer.status == 202, "PATCH {upload} was answered with {}: {}", answer.status, answer.text());
        location(&answer)
    }

    /// Asks an upload where it goes on, and how many bytes it has.
    pub async fn upload_status(&self, upload: &str) -> Result<(String, u64)> {
        let answer = self.get(upload).await?;
        ensure!(answer.status == 204, "GET {upload} was answered with {}: {}", answer.status, answer.text());
        let range = answer.headers.get(header::RANGE).and_then(|range| range.to_str().ok()?.rsplit('-').next());
        let last: u64 = range.context("no Range in the answer")?.parse()?;
        // The header cannot say "none".
        Ok((location(&answer)?, if last == 0 { 0 } else { last + 1 }))
    }

    /// Ends an upload with the last bytes and the digest of all.
    pub async fn finish(&self, upload: &str, rest: &Bytes, digest: &str) -> Result<()> {
        let target = format!("{upload}{}digest={digest}", if upload.contains('?') { '&' } else { '?' });
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/octet-stream".parse()?)]);
        let answer = self.send(Method::PUT, &target, headers, rest.clone()).await?;
        ensure!(answer.status == 201, "PUT {target} was answered with {}: {}", answer.status, answer.text());
        Ok(())
    }

    /// Makes `repository` hold a blob of `from`.
    pub async fn mount(&self, repository: &str, digest: &str, from: &str) -> Result<()> {
        let target = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
        let answer = self.send(Method::POST, &target, HeaderMap::new(), Bytes::new()).await?;
        ensure!(answer.status == 201, "POST {target} was answered with {}: {}", answer.status, answer.text());
        Ok(())
    }
}

/// Path and query of the answer's Location.
fn location(answer: &Answer) -> Result<String> {
    let location = answer.headers.get(header::LOCATION).context("no Location in the answer")?.to_str()?;
    let uri: http::Uri = location.parse()?;
    Ok(uri.path_and_query().context("no path in the Location")?.to_string())
}

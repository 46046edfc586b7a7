//! The registry that a rule is put to: a base URL, and a way to send it requests.

use axum::{Router, body::Body};
use bytes::Bytes;
use futures::stream;
use http::{Request, header};
use http_body_util::BodyExt;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{client::Client, reply::Reply, repository::Repository};

/// A registry.
pub(crate) struct Target {
    base: String,
    transport: Transport,
}

enum Transport {
    Router(Router),
    Socket(Client),
}

/// What a request carries.
pub(crate) enum Payload {
    /// Bytes whose number is announced.
    Whole(Bytes),
    /// Pieces whose number nobody knows beforehand.
    Streamed(Vec<Bytes>),
}

impl<T: Into<Bytes>> From<T> for Payload {
    fn from(content: T) -> Self {
        Self::Whole(content.into())
    }
}

impl Target {
    /// The router in this process.
    pub(crate) fn router(router: Router) -> Self {
        Self { base: "http://registry.test".to_owned(), transport: Transport::Router(router) }
    }

    /// A process behind a socket.
    pub(crate) fn socket(client: Client) -> Self {
        Self { base: client.base(), transport: Transport::Socket(client) }
    }

    /// A repository that nobody has used before.
    pub(crate) fn repository(&self) -> Repository<'_> {
        Repository::new(self, format!("conformance/{}", Uuid::new_v4()))
    }

    /// The same, where the sender may push but not pull.
    pub(crate) fn hidden_repository(&self) -> Repository<'_> {
        Repository::new(self, format!("hidden/{}", Uuid::new_v4()))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn head(&self, path: &str) -> Reply {
        self.send("HEAD", path, &[], "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Payload>) -> Reply {
        self.send("POST", path, &[], body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: impl Into<Payload>) -> Reply {
        self.send("PATCH", path, &[], body).await
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<Payload>) -> Reply {
        self.send("PUT", path, &[], body).await
    }

    /// Sends a request and checks what holds for every reply.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Payload>,
    ) -> Reply {
        let (_, host) = self.base.split_once("://").unwrap();
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body.into() {
            Payload::Whole(content) => {
                if !matches!(method, "GET" | "HEAD" | "DELETE") {
                    request = request.header(header::CONTENT_LENGTH, content.len());
                }
                Body::from(content)
            }
            Payload::Streamed(pieces) => {
                Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
            }
        };
        let request = request.body(body).unwrap();
        let (head, body) = match &self.transport {
            Transport::Router(router) => {
                let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
                (head, body.collect().await.unwrap().to_bytes())
            }
            Transport::Socket(client) => client.send(request).await,
        };
        Reply::new(format!("{method} {path}"), &self.base, head, body)
    }
}

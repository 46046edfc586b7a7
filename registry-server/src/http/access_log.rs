//! What became of each request: a line in the access log, an event under the reference's field names, and the metrics.
//!
//! Written when the last byte of the response was handed to the connection, or the client went away. Never holds
//! `Authorization`. The target is there whole, as in the reference: the `_state` in it gives nobody a right.

mod combined;
mod completed;

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use http_body::{Frame, SizeHint};
use jiff::Timestamp;

use self::combined::Combined;
use super::error::Failure;
use crate::{
    auth::Principal,
    connection::Peer,
    metrics::{Answered, InFlight, Requests, method_label},
    oci::Route,
    telemetry::Output,
};

/// Follows requests to their end. Clones share everything.
#[derive(Clone)]
pub(crate) struct AccessLog {
    metrics: Requests,
    /// The access log; `None`: there is none.
    lines: Option<Output>,
    /// Tells this process's requests from another's.
    prefix: Arc<str>,
    count: Arc<AtomicU64>,
}

/// A request that is being answered.
pub(crate) struct Pending {
    log: AccessLog,
    in_flight: InFlight,
    begin: Instant,
    peer: Peer,
    forwarded_for: Option<IpAddr>,
    id: u64,
    method: Method,
    uri: Uri,
    version: Version,
    /// Whether it came with credentials, right or wrong.
    has_credentials: bool,
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    content_type: Option<HeaderValue>,
    request_bytes: u64,
}

impl AccessLog {
    pub(crate) fn new(metrics: Requests, lines: Option<Output>) -> Self {
        let prefix = uuid::Uuid::new_v4().simple().to_string();
        Self { metrics, lines, prefix: prefix[..12].into(), count: Arc::default() }
    }

    /// A request begins.
    pub(crate) fn request<B>(&self, request: &mut Request<B>, peer: Peer) -> Pending {
        let in_flight = self.metrics.begin();
        request.extensions_mut().insert(in_flight.clone());
        let headers = request.headers();
        Pending {
            log: self.clone(),
            in_flight,
            begin: Instant::now(),
            peer,
            forwarded_for: forwarded_for(headers),
            id: self.count.fetch_add(1, Ordering::Relaxed),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            has_credentials: headers.contains_key(header::AUTHORIZATION),
            host: headers.get(header::HOST).cloned(),
            referer: headers.get(header::REFERER).cloned(),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            content_type: headers.get(header::CONTENT_TYPE).cloned(),
            request_bytes: number(headers, &header::CONTENT_LENGTH),
        }
    }
}

impl Pending {
    /// The client's address, by what a proxy in front says if there is one.
    fn remote_address(&self) -> String {
        self.forwarded_for.map_or_else(|| self.peer.to_string(), |address| address.to_string())
    }

    /// Path and query. A password that somebody wrote into a URL is not in it.
    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

/// The client that a proxy speaks for, as the reference's log has it. For the log alone: a client may say anything here.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let first = |name: &str| headers.get(name)?.to_str().ok()?.split(',').next()?.trim().parse().ok();
    first("x-forwarded-for").or_else(|| first("x-real-ip"))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> u64 {
    headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// A response's body that takes note of its end.
pub(crate) struct Recorded {
    body: Body,
    record: Option<Record>,
}

/// What is known of a request once there is a response.
struct Record {
    pending: Pending,
    status: u16,
    content_type: Option<HeaderValue>,
    /// What asks for credentials.
    challenge: Option<HeaderValue>,
    principal: Option<Principal>,
    route: Option<Route>,
    failure: Option<Failure>,
    written: u64,
    complete: bool,
}

impl Recorded {
    /// `response` with a body that reports to the log that `pending` came from.
    pub(crate) fn response(response: Response, pending: Option<Pending>) -> http::Response<Self> {
        let (mut parts, body) = response.into_parts();
        let record = pending.map(|pending| Record {
            pending,
            status: parts.status.as_u16(),
            content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
            challenge: parts.headers.get(header::WWW_AUTHENTICATE).cloned(),
            principal: parts.extensions.remove(),
            route: parts.extensions.remove(),
            failure: parts.extensions.remove(),
            written: 0,
            complete: body.is_end_stream(),
        });
        http::Response::from_parts(parts, Self { body, record })
    }
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let is_end = self.body.is_end_stream();
        if let (Some(record), Poll::Ready(frame)) = (&mut self.record, &polled) {
            match frame {
                Some(Ok(frame)) => record.written += frame.data_ref().map_or(0, Bytes::len) as u64,
                Some(Err(_)) => return polled,
                None => record.complete = true,
            }
            record.complete |= is_end;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let duration = self.pending.begin.elapsed();
        self.pending.log.metrics.count(&Answered {
            handler: self.pending.in_flight.handler().unwrap_or("other"),
            method: method_label(&self.pending.method),
            code: self.status,
            duration,
            request_bytes: self.pending.request_bytes,
            response_bytes: self.written,
        });
        if let Some(lines) = &self.pending.log.lines {
            lines.line(self.combined(duration).line().as_bytes());
        }
        completed::tell(self, duration);
    }
}

impl Record {
    fn combined(&self, duration: Duration) -> Combined<'_> {
        let Pending { peer, method, version, referer, user_agent, .. } = &self.pending;
        let now = Timestamp::now();
        Combined {
            peer: *peer,
            time: now.checked_sub(duration).unwrap_or(now),
            method: method.as_str(),
            target: self.pending.target(),
            version: *version,
            status: self.status,
            written: self.written,
            referer: referer.as_ref().map_or(b"", HeaderValue::as_bytes),
            user_agent: user_agent.as_ref().map_or(b"", HeaderValue::as_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(headers: &[(&'static str, &'static str)]) -> String {
        let mut request = Request::new(());
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        AccessLog::new(Requests::default(), None).request(&mut request, Peer::Unix).remote_address()
    }

    #[test]
    fn the_client_behind_a_proxy_is_the_one_that_is_logged() {
        assert_eq!(remote(&[]), "@");
        assert_eq!(remote(&[("x-forwarded-for", "192.0.2.1, 10.0.0.1"), ("x-real-ip", "10.0.0.2")]), "192.0.2.1");
        assert_eq!(remote(&[("x-forwarded-for", "unknown"), ("x-real-ip", "2001:db8::1")]), "2001:db8::1");
        assert_eq!(remote(&[("x-forwarded-for", "a\tb")]), "@");
    }
}

//! What became of each request: a line in the log under the reference's field names, and the metrics.
//!
//! Written when the last byte of the response was handed to the connection, or the client went away. Never holds
//! `Authorization`.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body::{Frame, SizeHint};

use crate::{
    auth::Principal,
    connection::Peer,
    metrics::{Answered, InFlight, Requests, method_label},
    telemetry::ACCESS,
};

/// Follows requests to their end. Clones share everything.
#[derive(Clone)]
pub(crate) struct AccessLog {
    metrics: Requests,
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
    id: u64,
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    content_type: Option<HeaderValue>,
    request_bytes: u64,
}

impl AccessLog {
    pub(crate) fn new(metrics: Requests) -> Self {
        let prefix = uuid::Uuid::new_v4().simple().to_string();
        Self { metrics, prefix: prefix[..12].into(), count: Arc::default() }
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
            id: self.count.fetch_add(1, Ordering::Relaxed),
            method: request.method().clone(),
            uri: request.uri().clone(),
            host: headers.get(header::HOST).cloned(),
            referer: headers.get(header::REFERER).cloned(),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            content_type: headers.get(header::CONTENT_TYPE).cloned(),
            request_bytes: number(headers, &header::CONTENT_LENGTH),
        }
    }
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
    principal: Option<Principal>,
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
            principal: parts.extensions.remove(),
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
        if tracing::enabled!(target: ACCESS, tracing::Level::INFO) {
            self.write_line(duration.as_secs_f64() * 1e3);
        }
    }
}

impl Record {
    fn write_line(&self, milliseconds: f64) {
        let Pending { log, peer, id, method, uri, host, referer, user_agent, content_type, .. } = &self.pending;
        // A HEAD has no body to send to its end.
        let is_cut_off = !self.complete && *method != Method::HEAD;
        tracing::event!(
            target: ACCESS,
            tracing::Level::INFO,
            auth.user.name = self.principal.as_ref().and_then(Principal::name),
            http.request.contenttype = content_type.as_ref().map(text),
            http.request.host = host.as_ref().map(text),
            http.request.id = format!("{}-{id}", log.prefix),
            http.request.method = method.as_str(),
            http.request.referer = referer.as_ref().map(text),
            http.request.remoteaddr = peer.to_string(),
            http.request.uri = uri.path_and_query().map_or("/", |path| path.as_str()),
            http.request.useragent = user_agent.as_ref().map(text),
            http.response.contenttype = self.content_type.as_ref().map(text),
            http.response.duration = format!("{milliseconds:.3}ms"),
            http.response.status = self.status,
            http.response.written = self.written,
            http.response.incomplete = is_cut_off.then_some(true),
            "response completed"
        );
    }
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("(not text)")
}

//! The event of a request: `response completed`, or `response completed with error` for each error of the answer.
//!
//! As in the reference, requests for what is no endpoint have none, and one without the right credentials has a warning.

use std::time::Duration;

use http::{HeaderValue, Method};
use serde_json::Value;

use super::{Pending, Principal, Record};
use crate::{
    http::error::Failure,
    oci::{ErrorCode, Reference, Route},
    telemetry::Printed,
};

/// One of the errors that a response tells of.
struct Entry {
    code: ErrorCode,
    detail: Option<Value>,
}

/// An event with all that is known of a request.
macro_rules! event {
    ($level:ident, $record:expr, $duration:expr, $entry:expr, $($message:tt)+) => {{
        let (record, entry): (&Record, Option<&Entry>) = ($record, $entry);
        let Pending { log, id, method, host, referer, user_agent, content_type, .. } = &record.pending;
        tracing::event!(
            tracing::Level::$level,
            auth.user.name = record.principal.as_ref().and_then(Principal::name),
            err.code = entry.map(|entry| code(entry.code)),
            err.detail = entry.and_then(|entry| entry.detail.as_ref()).map(|detail| display(Printed(detail))),
            err.message = entry.map(|entry| entry.code.message()),
            http.request.contenttype = content_type.as_ref().map(text),
            http.request.host = host.as_ref().map(text),
            http.request.id = format!("{}-{id}", log.prefix),
            http.request.method = method.as_str(),
            http.request.referer = referer.as_ref().map(text),
            http.request.remoteaddr = record.pending.remote_address(),
            http.request.uri = record.pending.target(),
            http.request.useragent = user_agent.as_ref().map(text),
            http.response.contenttype = record.content_type.as_ref().map(text),
            http.response.duration = format!("{:.3}ms", $duration.as_secs_f64() * 1e3),
            http.response.incomplete = record.is_cut_off().then_some(true),
            http.response.status = record.status,
            http.response.written = record.written,
            vars.digest = record.digest().map(display),
            vars.name = record.route.as_ref().map(|route| route.repository().as_str()),
            vars.reference = record.reference().map(display),
            vars.uuid = record.upload().map(display),
            $($message)+
        );
    }};
}

/// Tells what became of a request.
pub(super) fn tell(record: &Record, duration: Duration) {
    match &record.failure {
        Some(Failure { code: ErrorCode::Unauthorized, .. }) => {
            event!(WARN, record, duration, None, "error authorizing context: {}", record.refusal());
        }
        Some(failure) => {
            for detail in failure.details() {
                let entry = Entry { code: failure.code, detail };
                event!(ERROR, record, duration, Some(&entry), "response completed with error");
            }
        }
        None if record.status < 400 && record.pending.in_flight.handler().is_some() => {
            event!(INFO, record, duration, None, "response completed");
        }
        None => {}
    }
}

impl Record {
    /// A HEAD has no body to send to its end.
    fn is_cut_off(&self) -> bool {
        !self.complete && self.pending.method != Method::HEAD
    }

    /// Why there was no entry, in the reference's words, which programs look for that ban clients.
    fn refusal(&self) -> String {
        let challenge = self.challenge.as_ref().map_or("", text);
        let realm = challenge.strip_prefix("Basic realm=").unwrap_or("\"\"");
        let reason =
            if self.pending.has_credentials { "authentication failure" } else { "invalid authorization credential" };
        format!("basic authentication challenge for realm {realm}: {reason}")
    }

    fn digest(&self) -> Option<impl std::fmt::Display> {
        match self.route.as_ref()? {
            Route::Blob { digest, .. } | Route::Referrers { subject: digest, .. } => Some(digest),
            _ => None,
        }
    }

    fn reference(&self) -> Option<&Reference> {
        match self.route.as_ref()? {
            Route::Manifest { reference, .. } => Some(reference),
            _ => None,
        }
    }

    fn upload(&self) -> Option<impl std::fmt::Display> {
        match self.route.as_ref()? {
            Route::Upload { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// A code as the reference's errors print: `manifest unknown`.
fn code(code: ErrorCode) -> String {
    code.as_str().to_ascii_lowercase().replace('_', " ")
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("(not text)")
}

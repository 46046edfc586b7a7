//! A whole response, and what holds for each.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, response::Parts};
use registry_server::oci::Digest;
use serde_json::Value;

/// Longest value of a `Warning` header (distribution-spec, "Warnings").
const LONGEST_WARNING: usize = 4096;

/// A response.
pub(crate) struct Reply {
    request: String,
    base: String,
    status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The response to `request`, which a registry at `base` has given.
    pub(crate) fn new(request: String, base: &str, head: Parts, body: Bytes) -> Self {
        let reply = Self { request, base: base.to_owned(), status: head.status, headers: head.headers, body };
        reply.check();
        reply
    }

    /// What every response has to be, whatever was asked.
    fn check(&self) {
        if self.request.starts_with("HEAD ") {
            assert!(self.body.is_empty(), "a HEAD request is answered without a body: {self}");
        } else if let Some(length) = self.header("content-length") {
            assert_eq!(length, self.body.len().to_string(), "{self}");
        }
        for warning in self.headers.get_all("warning") {
            let text = warning.to_str().unwrap();
            assert!(text.len() <= LONGEST_WARNING, "{self}");
            assert!(text.starts_with("299 - \"") && text.ends_with('"'), "{self}");
        }
        let is_json = self.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if is_json && !self.body.is_empty() && (self.status.is_client_error() || self.status.is_server_error()) {
            self.check_envelope();
        }
        if self.status == StatusCode::UNAUTHORIZED {
            assert!(self.header("www-authenticate").is_some(), "{self}");
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(self.header("retry-after").is_some(), "{self}");
        }
    }

    /// The form of errors (distribution-spec, "Error Codes").
    fn check_envelope(&self) {
        let document = self.json();
        let errors = document["errors"].as_array().unwrap();
        assert!(!errors.is_empty(), "{self}");
        for error in errors {
            let code = error["code"].as_str().unwrap();
            assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{self}");
            assert!(error["message"].is_string(), "{self}");
        }
    }

    /// Itself, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self}");
        self
    }

    /// Itself, if it has one of these statuses.
    #[track_caller]
    pub(crate) fn expect_any(self, statuses: &[u16]) -> Self {
        assert!(statuses.contains(&self.status.as_u16()), "{self}");
        self
    }

    /// Itself, if it is an error with this status and code.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.json()["errors"][0]["code"], code, "{reply}");
        reply
    }

    /// Itself, if it says that its content has this digest.
    #[track_caller]
    pub(crate) fn expect_digest(self, digest: &Digest) -> Self {
        self.expect_header("docker-content-digest", &digest.to_string())
    }

    /// Itself, if it has this header with this value.
    #[track_caller]
    pub(crate) fn expect_header(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), Some(value), "{name}: {self}");
        self
    }

    /// Itself, if these are its bytes.
    #[track_caller]
    pub(crate) fn expect_body(self, content: &[u8]) -> Self {
        assert!(self.body == content, "{} bytes were expected: {self}", content.len());
        self
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Where `Location` leads, as a path with its query: it may be absolute, or a path.
    #[track_caller]
    pub(crate) fn location(&self) -> String {
        let location = self.header("location").unwrap_or_default();
        let path = location.strip_prefix(&self.base).unwrap_or(location);
        assert!(path.starts_with("/v2/"), "Location leads to this registry: {self}");
        path.to_owned()
    }

    /// The target of `Link` with `rel="next"`, as a path with its query.
    #[track_caller]
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.header("link")?;
        let (target, relation) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(relation.trim_start_matches([';', ' ']), "rel=\"next\"", "{self}");
        Some(target.strip_prefix(&self.base).unwrap_or(target).to_owned())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n{}", self.request, self.status)?;
        for (name, value) in &self.headers {
            writeln!(formatter, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        let shown = &self.body[..self.body.len().min(1000)];
        write!(formatter, "\n{} ({} bytes)", String::from_utf8_lossy(shown), self.body.len())
    }
}

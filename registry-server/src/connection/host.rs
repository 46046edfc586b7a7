//! The one host that a request of HTTP/1.1 is for (RFC 9112, section 3.2).
//!
//! Without it, or with several, a proxy in front may have sent the request here by another name than the one that is read
//! here. HTTP/2 has its own place for the name, HTTP/1.0 none.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Request, StatusCode, Version, header};

/// The answer to a request that does not say for which one host it is, after which the connection ends.
pub(super) fn refuse(request: &Request<Body>) -> Option<Response> {
    if request.version() != Version::HTTP_11 {
        return None;
    }
    let reason = match request.headers().get_all(header::HOST).iter().count() {
        0 => "missing required Host header\n",
        1 => return None,
        _ => "too many Host headers\n",
    };
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    Some((StatusCode::BAD_REQUEST, close, reason).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: Version, hosts: &[&str]) -> Option<StatusCode> {
        let mut request = Request::builder().version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        refuse(&request.body(Body::empty()).unwrap()).map(|response| response.status())
    }

    #[test]
    fn http_1_1_needs_exactly_one_host() {
        let refused = Some(StatusCode::BAD_REQUEST);
        assert_eq!(status(Version::HTTP_11, &[]), refused);
        assert_eq!(status(Version::HTTP_11, &["pier", "pier"]), refused);
        assert_eq!(status(Version::HTTP_11, &["pier"]), None);
        assert_eq!(status(Version::HTTP_10, &[]), None);
        assert_eq!(status(Version::HTTP_2, &[]), None);
    }
}

//! Absolute URLs in `Location`: where the client reaches this registry, as far as a request tells.

use http::{HeaderMap, HeaderValue, Uri, header, request::Parts, uri::Authority};

use super::{Context, Scheme, response};

/// The URL of `path`, which starts with `/v2/`, for the client that sent `head`: `http.host` if configured, else what a
/// proxy in front says (`Forwarded`, then `X-Forwarded-Proto` and `X-Forwarded-Host`), else what the client asked for.
pub(super) fn url(context: &Context, head: &Parts, path: &str) -> HeaderValue {
    let options = &context.options;
    let prefix = options.prefix.trim_end_matches('/');
    let base = match &options.host {
        _ if options.relative_urls => prefix.to_owned(),
        // In the reference a path in http.host has to name the prefix.
        Some(host) if has_path(host) => host.trim_end_matches('/').to_owned(),
        Some(host) => format!("{}{prefix}", host.trim_end_matches('/')),
        None => format!("{}{prefix}", base(head).unwrap_or_default()),
    };
    response::value(format!("{base}{path}"))
}

fn has_path(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|url| url.path() != "/")
}

/// Scheme and authority; `None` when the request does not name a host.
fn base(head: &Parts) -> Option<String> {
    let forwarded = Forwarded::of(&head.headers);
    let scheme = forwarded.scheme.unwrap_or_else(|| head.extensions.get::<Scheme>().map_or("http", |scheme| scheme.0));
    let authority = match forwarded.authority {
        Some(authority) => authority,
        // HTTP/2 has the host in the target, HTTP/1.1 in a header.
        None => match head.uri.authority() {
            Some(target) => authority(target.as_str())?,
            None => authority(text(&head.headers, &header::HOST)?)?,
        },
    };
    Some(format!("{scheme}://{authority}"))
}

/// What proxies in front say about the request they got; the first of several is the one next to the client.
#[derive(Debug, Default, PartialEq, Eq)]
struct Forwarded {
    scheme: Option<&'static str>,
    authority: Option<Authority>,
}

impl Forwarded {
    fn of(headers: &HeaderMap) -> Self {
        // RFC 7239: elements by comma, pairs by semicolon, values perhaps quoted.
        let element = text(headers, &header::FORWARDED).and_then(|value| value.split(',').next()).unwrap_or_default();
        let pair = |wanted: &str| {
            let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
            let mut found = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            found.next().map(|(_, value)| value.trim().trim_matches('"'))
        };
        let first = |name| text(headers, name).and_then(|value| value.split(',').next()).map(str::trim);
        Self {
            scheme: pair("proto").or_else(|| first("x-forwarded-proto")).and_then(scheme),
            authority: pair("host").or_else(|| first("x-forwarded-host")).and_then(authority),
        }
    }
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn scheme(text: &str) -> Option<&'static str> {
    ["https", "http"].into_iter().find(|scheme| scheme.eq_ignore_ascii_case(text))
}

/// A host, and port if there is one. Parsed, so that nothing else gets into a header.
fn authority(text: &str) -> Option<Authority> {
    text.parse().ok().filter(|authority: &Authority| !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn location(headers: &[(&'static str, &str)]) -> Option<String> {
        let mut request = Request::builder().uri("/v2/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        base(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_nearest_witness_counts() {
        let host = ("host", "pier:5000");
        assert_eq!(location(&[host]).as_deref(), Some("http://pier:5000"));
        let proxy = [host, ("x-forwarded-proto", "https"), ("x-forwarded-host", "harbour.example, inner")];
        assert_eq!(location(&proxy).as_deref(), Some("https://harbour.example"));
        let standard =
            [host, ("x-forwarded-host", "wrong"), ("forwarded", "for=1;host=\"harbour:8443\";Proto=HTTPS, host=x")];
        assert_eq!(location(&standard).as_deref(), Some("https://harbour:8443"));
        assert_eq!(location(&[]), None);
    }

    #[test]
    fn the_connection_knows_its_scheme_and_http_2_its_host_from_the_target() {
        let request = Request::builder().uri("https://pier:5443/v2/").extension(Scheme("https"));
        let head = request.body(()).unwrap().into_parts().0;
        assert_eq!(base(&head).as_deref(), Some("https://pier:5443"));
        let request = Request::builder().uri("http://user@pier/v2/").header("host", "pier");
        assert_eq!(base(&request.body(()).unwrap().into_parts().0), None, "nobody is to be sent to a name with a user");
    }

    #[test]
    fn what_is_not_a_host_is_ignored() {
        let host = ("host", "pier");
        assert_eq!(location(&[host, ("x-forwarded-host", "a b")]).as_deref(), Some("http://pier"));
        assert_eq!(location(&[host, ("x-forwarded-proto", "gopher")]).as_deref(), Some("http://pier"));
        assert_eq!(location(&[("host", "user@pier")]), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(value in "[a-z=;,\":@ /]{0,40}") {
            let _ = location(&[("forwarded", &value), ("x-forwarded-host", &value), ("host", &value)]);
        }
    }
}

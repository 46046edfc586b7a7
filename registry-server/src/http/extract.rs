//! What a request's target says: the route and the query.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::percent_decode_str;

use super::error::ApiError;
use crate::oci::{Digest, ErrorCode, Reference, Route, Tag, digest, route::Unroutable};

/// The route of a target below `/v2/`. Digests may come with an encoded colon, and names with encoded slashes.
pub(super) fn route(uri: &Uri) -> Result<Route, RouteError> {
    let path = percent_decode_str(uri.path()).decode_utf8().map_err(|_| RouteError::NotFound)?;
    let path = path.strip_prefix("/v2/").ok_or(RouteError::NotFound)?;
    Route::parse(path).map_err(|error| match error {
        Unroutable::NotFound => RouteError::NotFound,
        error => RouteError::Malformed(error.into()),
    })
}

/// Why there is no route.
#[derive(Debug)]
pub(super) enum RouteError {
    /// No such endpoint.
    NotFound,
    /// The endpoint is there, its argument is malformed.
    Malformed(ApiError),
}

impl axum::response::IntoResponse for RouteError {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::NotFound => super::not_found(),
            Self::Malformed(error) => error.into_response(),
        }
    }
}

/// The parameters after `?`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The query of a target.
    pub(super) fn of(uri: &'a Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// Every value of `name`, decoded. A plus sign stands for itself: media types have it, and nothing here has spaces.
    pub(super) fn all(self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.0
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy())
    }

    /// The first value of `name`, unless it is empty.
    pub(super) fn first(self, name: &str) -> Option<Cow<'a, str>> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// The value of `name` as a digest.
    pub(super) fn digest(self, name: &str) -> Result<Option<Digest>, ApiError> {
        let parse = |value: Cow<'_, str>| {
            value.parse().map_err(|error: digest::ParseError| {
                ApiError::new(ErrorCode::DigestInvalid, format!("{name}: {error}"))
            })
        };
        self.first(name).map(parse).transpose()
    }

    /// Every value of `name` as a tag.
    pub(super) fn tags(self, name: &str) -> Result<Vec<Tag>, ApiError> {
        let parse = |value: Cow<'_, str>| match value.parse() {
            Ok(Reference::Tag(tag)) => Ok(tag),
            _ => Err(ApiError::new(ErrorCode::TagInvalid, format!("{value:?} is not a tag"))),
        };
        self.all(name).map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn values_are_decoded_and_a_plus_is_kept() {
        let uri = uri("/v2/x?artifactType=application/vnd.x+json&last=a%2Fb&tag=one&tag=two&empty=");
        let query = Query::of(&uri);
        assert_eq!(query.first("artifactType").unwrap(), "application/vnd.x+json");
        assert_eq!(query.first("last").unwrap(), "a/b");
        assert_eq!(query.first("empty"), None);
        assert_eq!(query.first("absent"), None);
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["one", "two"]);
    }

    proptest! {
        #[test]
        fn reading_never_panics(query in "[a-z=&%0-9+]{0,60}") {
            let uri = uri(&format!("/v2/x?{query}"));
            let _ = Query::of(&uri).first("n");
            let _ = Query::of(&uri).digest("a");
            let _ = Query::of(&uri).tags("a");
        }
    }
}

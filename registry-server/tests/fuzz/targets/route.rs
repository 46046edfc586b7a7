//! A path below `/v2/`, as one endpoint of the specification's table or none.

use std::sync::LazyLock;

use regex::Regex;
use registry_server::oci::{Route, route::Unroutable};

use crate::oracle;

/// The endpoints: which of them, and its path. A later one is looked at when no earlier one has this form.
static ENDPOINTS: LazyLock<Vec<(Endpoint, Regex)>> = LazyLock::new(|| {
    [
        (Endpoint::Manifest, "(.*)/manifests/([^/]*)"),
        (Endpoint::Tags, "(.*)/tags/(list)"),
        (Endpoint::Extensions, "(.*)/_oci/ext/(discover)"),
        (Endpoint::Referrers, "(.*)/referrers/([^/]*)"),
        (Endpoint::Uploads, "(.*)/blobs/(uploads)/?"),
        (Endpoint::Upload, "(.*)/blobs/uploads/([^/]+)"),
        (Endpoint::Blob, "(.*)/blobs/([^/]*)"),
    ]
    .map(|(endpoint, path)| (endpoint, Regex::new(&format!(r"(?s)\A{path}\z")).unwrap()))
    .into()
});

/// Nothing changes beyond this, and regular expressions take their time.
const LONGEST: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Manifest,
    Tags,
    Extensions,
    Referrers,
    Uploads,
    Upload,
    Blob,
}

/// What a path is: an endpoint with its arguments, one with a bad argument, or none.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Found(Endpoint, String, String),
    Malformed(Endpoint),
    Nothing,
}

pub(crate) fn check(input: &[u8]) {
    let Ok(path) = std::str::from_utf8(input) else { return };
    if path.len() <= LONGEST {
        assert_eq!(parsed(path), expected(path), "{path:?}");
    }
}

fn expected(path: &str) -> Meaning {
    let form = ENDPOINTS.iter().find_map(|(endpoint, form)| Some((*endpoint, form.captures(path)?)));
    let Some((endpoint, arguments)) = form else { return Meaning::Nothing };
    let (name, last) = (&arguments[1], &arguments[2]);
    let is_well_formed = match endpoint {
        Endpoint::Manifest => oracle::is_tag(last) || oracle::is_digest(last),
        Endpoint::Referrers | Endpoint::Blob => oracle::is_digest(last),
        Endpoint::Upload => oracle::is_session(last),
        Endpoint::Tags | Endpoint::Extensions | Endpoint::Uploads => true,
    };
    match (oracle::is_name(name), is_well_formed) {
        (false, _) => Meaning::Nothing,
        (true, false) => Meaning::Malformed(endpoint),
        (true, true) => Meaning::Found(endpoint, name.to_owned(), last.to_owned()),
    }
}

/// What the server reads, in the same words.
fn parsed(path: &str) -> Meaning {
    let found = |endpoint, repository: &dyn ToString, last: &dyn ToString| {
        Meaning::Found(endpoint, repository.to_string(), last.to_string())
    };
    match Route::parse(path) {
        Ok(Route::Manifest { repository, reference }) => found(Endpoint::Manifest, &repository, &reference),
        Ok(Route::Tags { repository }) => found(Endpoint::Tags, &repository, &"list"),
        Ok(Route::Extensions { repository }) => found(Endpoint::Extensions, &repository, &"discover"),
        Ok(Route::Referrers { repository, subject }) => found(Endpoint::Referrers, &repository, &subject),
        Ok(Route::Uploads { repository }) => found(Endpoint::Uploads, &repository, &"uploads"),
        Ok(Route::Upload { repository, id }) => found(Endpoint::Upload, &repository, &id),
        Ok(Route::Blob { repository, digest }) => found(Endpoint::Blob, &repository, &digest),
        Err(Unroutable::NotFound) => Meaning::Nothing,
        Err(Unroutable::UploadId) => Meaning::Malformed(Endpoint::Upload),
        Err(Unroutable::Tag(_)) => Meaning::Malformed(Endpoint::Manifest),
        Err(Unroutable::Digest(_)) => match path.rsplit('/').nth(1) {
            Some("manifests") => Meaning::Malformed(Endpoint::Manifest),
            Some("referrers") => Meaning::Malformed(Endpoint::Referrers),
            _ => Meaning::Malformed(Endpoint::Blob),
        },
    }
}

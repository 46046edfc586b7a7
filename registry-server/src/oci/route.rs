//! What a path below `/v2/` means (distribution-spec, "Endpoints"). The one place that knows that grammar.
//!
//! A repository name holds slashes, so a path is read from its end: `a/blobs/uploads/manifests/v1` is tag `v1` of
//! repository `a/blobs/uploads`.

use uuid::Uuid;

use super::{Digest, Reference, Repository, digest, reference};

/// A path that the API knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `<name>/blobs/<digest>`
    Blob {
        /// Where it is linked.
        repository: Repository,
        /// Which one.
        digest: Digest,
    },
    /// `<name>/blobs/uploads/`
    Uploads {
        /// Where the blob will be.
        repository: Repository,
    },
    /// `<name>/blobs/uploads/<id>`
    Upload {
        /// Where the blob will be.
        repository: Repository,
        /// The session.
        id: Uuid,
    },
    /// `<name>/manifests/<reference>`
    Manifest {
        /// Where it is.
        repository: Repository,
        /// By tag or digest.
        reference: Reference,
    },
    /// `<name>/tags/list`
    Tags {
        /// Whose tags.
        repository: Repository,
    },
    /// `<name>/referrers/<digest>`
    Referrers {
        /// Where to look.
        repository: Repository,
        /// What is referred to.
        subject: Digest,
    },
    /// `<name>/_oci/ext/discover`
    Extensions {
        /// Whose extensions.
        repository: Repository,
    },
}

/// Why a path is not a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// No endpoint has this form, or the repository's name is invalid.
    #[error("no such endpoint")]
    NotFound,
    /// The endpoint exists; its digest is not one.
    #[error(transparent)]
    Digest(digest::ParseError),
    /// The endpoint exists; its tag is not one.
    #[error(transparent)]
    Tag(reference::InvalidTag),
    /// The endpoint exists; no upload session has such an identifier.
    #[error("an upload session's identifier is a UUID")]
    UploadId,
}

impl Route {
    /// Reads `path`, percent-decoded, without the leading `/v2/`.
    ///
    /// # Errors
    /// [`Unroutable`] tells an unknown endpoint from a malformed digest, tag or session.
    pub fn parse(path: &str) -> Result<Self, Unroutable> {
        if let Some(name) = path.strip_suffix("/_oci/ext/discover") {
            // No component of a name begins with `_`, so this is no other route.
            return repository(name).map(|repository| Self::Extensions { repository });
        }
        let (rest, last) = path.rsplit_once('/').ok_or(Unroutable::NotFound)?;
        match rest.rsplit_once('/') {
            Some((name, "manifests")) => manifest(name, last),
            Some((name, "tags")) if last == "list" => repository(name).map(|repository| Self::Tags { repository }),
            Some((name, "referrers")) => referrers(name, last),
            Some((name, "blobs")) if last == "uploads" => uploads(name),
            Some((name, "blobs")) => blob(name, last),
            Some((name, "uploads")) => match name.strip_suffix("/blobs") {
                Some(name) if last.is_empty() => uploads(name),
                Some(name) => upload(name, last),
                None => Err(Unroutable::NotFound),
            },
            _ => Err(Unroutable::NotFound),
        }
    }

    /// The repository that every route is about.
    pub fn repository(&self) -> &Repository {
        match self {
            Self::Blob { repository, digest: _ }
            | Self::Uploads { repository }
            | Self::Upload { repository, id: _ }
            | Self::Manifest { repository, reference: _ }
            | Self::Tags { repository }
            | Self::Referrers { repository, subject: _ }
            | Self::Extensions { repository } => repository,
        }
    }
}

fn repository(name: &str) -> Result<Repository, Unroutable> {
    name.parse().map_err(|_| Unroutable::NotFound)
}

fn manifest(name: &str, last: &str) -> Result<Route, Unroutable> {
    let repository = repository(name)?;
    let reference = last.parse().map_err(|error| match error {
        reference::ParseError::Digest(error) => Unroutable::Digest(error),
        reference::ParseError::Tag(error) => Unroutable::Tag(error),
    })?;
    Ok(Route::Manifest { repository, reference })
}

fn referrers(name: &str, last: &str) -> Result<Route, Unroutable> {
    let repository = repository(name)?;
    Ok(Route::Referrers { repository, subject: last.parse().map_err(Unroutable::Digest)? })
}

fn blob(name: &str, last: &str) -> Result<Route, Unroutable> {
    let repository = repository(name)?;
    Ok(Route::Blob { repository, digest: last.parse().map_err(Unroutable::Digest)? })
}

fn uploads(name: &str) -> Result<Route, Unroutable> {
    Ok(Route::Uploads { repository: repository(name)? })
}

fn upload(name: &str, last: &str) -> Result<Route, Unroutable> {
    let repository = repository(name)?;
    // In the one spelling that locations have: the parser knows braces, capitals and more.
    let id = Uuid::try_parse(last).ok().filter(|id| id.hyphenated().to_string() == last);
    Ok(Route::Upload { repository, id: id.ok_or(Unroutable::UploadId)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oci::Algorithm;

    fn name(text: &str) -> Repository {
        text.parse().unwrap()
    }

    #[test]
    fn every_endpoint_is_recognised() {
        let digest = Digest::of(Algorithm::Sha256, b"mast");
        let id = Uuid::from_u128(7);
        let repository = name("port/pier");
        let routes = [
            (format!("port/pier/blobs/{digest}"), Route::Blob { repository: repository.clone(), digest }),
            ("port/pier/blobs/uploads/".into(), Route::Uploads { repository: repository.clone() }),
            ("port/pier/blobs/uploads".into(), Route::Uploads { repository: repository.clone() }),
            (format!("port/pier/blobs/uploads/{id}"), Route::Upload { repository: repository.clone(), id }),
            (
                "port/pier/manifests/v1".into(),
                Route::Manifest { repository: repository.clone(), reference: "v1".parse().unwrap() },
            ),
            ("port/pier/tags/list".into(), Route::Tags { repository: repository.clone() }),
            (
                format!("port/pier/referrers/{digest}"),
                Route::Referrers { repository: repository.clone(), subject: digest },
            ),
            ("port/pier/_oci/ext/discover".into(), Route::Extensions { repository }),
        ];
        for (path, route) in routes {
            assert_eq!(Route::parse(&path), Ok(route), "{path}");
        }
    }

    #[test]
    fn a_name_may_look_like_an_endpoint() {
        let route = Route::parse("tags/list/manifests/manifests/blobs").unwrap();
        assert_eq!(route.repository(), &name("tags/list/manifests"));
        let route = Route::parse("a/blobs/uploads/manifests/v1").unwrap();
        assert_eq!(route.repository(), &name("a/blobs/uploads"));
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        assert_eq!(Route::parse("a/b"), Err(Unroutable::NotFound));
        assert_eq!(Route::parse("manifests/v1"), Err(Unroutable::NotFound));
        assert_eq!(Route::parse("A/manifests/v1"), Err(Unroutable::NotFound));
        assert_eq!(Route::parse("../manifests/v1"), Err(Unroutable::NotFound));
        assert!(matches!(Route::parse("a/manifests/sha256:bad"), Err(Unroutable::Digest(_))));
        assert!(matches!(Route::parse("a/manifests/.bad"), Err(Unroutable::Tag(_))));
        assert!(matches!(Route::parse("a/blobs/bad"), Err(Unroutable::Digest(_))));
        assert_eq!(Route::parse("a/blobs/uploads/bad"), Err(Unroutable::UploadId));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(path in "\\PC{0,200}") {
            let _ = Route::parse(&path);
        }

        #[test]
        fn nor_on_paths_that_nearly_fit(parts in proptest::collection::vec("(blobs|uploads|manifests|tags|list|referrers|a|\\.\\.|sha256:ab|)", 0..8)) {
            let _ = Route::parse(&parts.join("/"));
        }
    }
}

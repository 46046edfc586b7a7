//! Every key there is. The tree is the reference implementation's, so that a volume can change hands in both directions:
//!
//! ```text
//! docker/registry/v2/
//!   blobs/<algorithm>/<first two hex>/<hex>/data            content: layers, configurations, manifests
//!   repositories/<name>/
//!     _layers/<algorithm>/<hex>/link                        a blob that the repository holds
//!     _manifests/revisions/<algorithm>/<hex>/link           a manifest that the repository holds
//!     _manifests/tags/<tag>/current/link                    what the tag points at
//!     _manifests/tags/<tag>/index/<algorithm>/<hex>/link    what it ever pointed at
//!     _uploads/<uuid>/{data,startedat,owner}                an upload session; `owner` is ours
//! private-registry/
//!   referrers/<name>/_subjects/<algorithm>/<hex>/<algorithm>-<hex>   a manifest that refers to a subject
//!   referrers/_indexed                                      says that all repositories were read for referrers once
//!   referrers/<name>/_scanned                               state of `revisions` when it was last read for referrers
//! ```
//! A `link` holds a digest, `<algorithm>:<hex>`, without a newline: that of its path. Below `_layers/sha512` the reference
//! writes the sha256 digest under which it has filed the content. What is below `private-registry` is derived from the
//! rest and may be deleted while the server is stopped.

use bytes::Bytes;
use uuid::Uuid;

use super::Key;
use crate::oci::{Algorithm, Digest, Repository, Tag};

const REPOSITORIES: &str = "docker/registry/v2/repositories";
const REFERRERS: &str = "private-registry/referrers";

/// The directory of a repository that holds its manifests; a directory with it is a repository.
pub const MANIFESTS: &str = "_manifests";
/// The directory of a repository that holds its blobs' links.
pub const LAYERS: &str = "_layers";
/// The directory of a repository that holds its upload sessions.
pub const UPLOADS: &str = "_uploads";

/// The directories in which every write begins. On a volume that another server has filled, they are its user's.
pub const TOP: [&str; 6] = [
    ".",
    "docker/registry/v2",
    "docker/registry/v2/blobs",
    "docker/registry/v2/blobs/sha256",
    REPOSITORIES,
    "private-registry",
];

/// The content of every link to `digest`.
pub fn link(digest: &Digest) -> Bytes {
    digest.to_string().into()
}

/// The digest that the content of a link names; `None` for a link torn by a crash, which counts as none.
pub fn linked(content: &[u8]) -> Option<Digest> {
    std::str::from_utf8(content).ok()?.trim_end().parse().ok()
}

/// The digest under which content is kept, from a link of `digest`; `None` for a link that names other content.
///
/// It is `digest` itself or, as the reference files all content under sha256, one of that algorithm.
pub fn target(content: &[u8], digest: &Digest) -> Option<Digest> {
    let is_filed_as =
        |target: &Digest| target.algorithm() == Algorithm::Sha256 && digest.algorithm() != Algorithm::Sha256;
    linked(content).filter(|target| target == digest || is_filed_as(target))
}

/// Content by its digest.
pub fn blob(digest: &Digest) -> Key {
    let hex = digest.hex();
    Key(format!("docker/registry/v2/blobs/{}/{}/{hex}/data", digest.algorithm(), &hex[..2]))
}

/// The directory whose names are the first two digits of the hashes of all content.
pub fn blobs(algorithm: Algorithm) -> Key {
    Key(format!("docker/registry/v2/blobs/{algorithm}"))
}

/// The directory whose names are the hashes of all content that begin with `prefix`, a name below [`blobs`].
pub fn blobs_with(algorithm: Algorithm, prefix: &str) -> Key {
    Key(format!("docker/registry/v2/blobs/{algorithm}/{prefix}"))
}

/// Says that `repository` holds the blob.
pub fn layer_link(repository: &Repository, digest: &Digest) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{LAYERS}/{}/{}/link", digest.algorithm(), digest.hex()))
}

/// The directory whose names are the hashes of a repository's blobs.
pub fn layers(repository: &Repository, algorithm: Algorithm) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{LAYERS}/{algorithm}"))
}

/// Says that `repository` holds the manifest.
pub fn revision_link(repository: &Repository, digest: &Digest) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{MANIFESTS}/revisions/{}/{}/link", digest.algorithm(), digest.hex()))
}

/// The directory whose names are the hashes of a repository's manifests.
pub fn revisions(repository: &Repository, algorithm: Algorithm) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{MANIFESTS}/revisions/{algorithm}"))
}

/// The directory whose names are a repository's tags.
pub fn tags(repository: &Repository) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{MANIFESTS}/tags"))
}

/// Everything about one tag.
pub fn tag(repository: &Repository, tag: &Tag) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{MANIFESTS}/tags/{tag}"))
}

/// What a tag points at.
pub fn tag_link(repository: &Repository, tag: &Tag) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{MANIFESTS}/tags/{tag}/current/link"))
}

/// What a tag ever pointed at.
pub fn tag_history_link(repository: &Repository, tag: &Tag, digest: &Digest) -> Key {
    let (algorithm, hex) = (digest.algorithm(), digest.hex());
    Key(format!("{REPOSITORIES}/{repository}/{MANIFESTS}/tags/{tag}/index/{algorithm}/{hex}/link"))
}

/// The directory whose names are the hashes of what a tag ever pointed at.
pub fn tag_history(repository: &Repository, tag: &Tag, algorithm: Algorithm) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{MANIFESTS}/tags/{tag}/index/{algorithm}"))
}

/// A directory on the way to repositories: `None` for the top, else the leading components of a name.
pub fn repositories(name: Option<&str>) -> Key {
    Key(name.map_or_else(|| REPOSITORIES.to_owned(), |name| format!("{REPOSITORIES}/{name}")))
}

/// What makes a directory on the way to repositories one itself: [`MANIFESTS`], [`LAYERS`] or [`UPLOADS`] in it.
pub fn part(name: &str, part: &'static str) -> Key {
    Key(format!("{REPOSITORIES}/{name}/{part}"))
}

/// The directory whose names are a repository's upload sessions.
pub fn uploads(repository: &Repository) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{UPLOADS}"))
}

/// Everything about one upload session.
pub fn upload(repository: &Repository, id: Uuid) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{UPLOADS}/{id}"))
}

/// The bytes uploaded so far.
pub fn upload_data(repository: &Repository, id: Uuid) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{UPLOADS}/{id}/data"))
}

/// When the session began, in RFC 3339.
pub fn upload_started(repository: &Repository, id: Uuid) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{UPLOADS}/{id}/startedat"))
}

/// The name of the user who began the session.
pub fn upload_owner(repository: &Repository, id: Uuid) -> Key {
    Key(format!("{REPOSITORIES}/{repository}/{UPLOADS}/{id}/owner"))
}

/// The directory whose names are the referrers of `subject`, each `<algorithm>-<hex>`.
pub fn referrers(repository: &Repository, subject: &Digest) -> Key {
    Key(format!("{REFERRERS}/{repository}/_subjects/{}/{}", subject.algorithm(), subject.hex()))
}

/// Everything about the referrers in a repository, but when it was read.
pub fn all_referrers(repository: &Repository) -> Key {
    Key(format!("{REFERRERS}/{repository}/_subjects"))
}

/// One referrer of `subject`.
pub fn referrer(repository: &Repository, subject: &Digest, referrer: &Digest) -> Key {
    let directory = referrers(repository, subject);
    Key(format!("{directory}/{}", name_of_referrer(referrer)))
}

/// The name of a referrer below [`referrers`]. Names are in the order of digests.
pub fn name_of_referrer(referrer: &Digest) -> String {
    format!("{}-{}", referrer.algorithm(), referrer.hex())
}

/// The digest that a name below [`referrers`] stands for.
pub fn referrer_of_name(name: &str) -> Option<Digest> {
    name.replacen('-', ":", 1).parse().ok()
}

/// Says that all repositories of the volume were read for referrers once.
pub fn referrers_indexed() -> Key {
    Key(format!("{REFERRERS}/_indexed"))
}

/// The state of `revisions` up to which the referrers of a repository are complete.
pub fn referrers_scanned(repository: &Repository) -> Key {
    Key(format!("{REFERRERS}/{repository}/_scanned"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_references() {
        let repository = "port/pier".parse().unwrap();
        let digest = Digest::of(Algorithm::Sha256, b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let below = "docker/registry/v2/repositories/port/pier";
        assert_eq!(blob(&digest).as_str(), format!("docker/registry/v2/blobs/sha256/e3/{hex}/data"));
        assert_eq!(layer_link(&repository, &digest).as_str(), format!("{below}/_layers/sha256/{hex}/link"));
        assert_eq!(
            revision_link(&repository, &digest).as_str(),
            format!("{below}/_manifests/revisions/sha256/{hex}/link")
        );
        let latest = "latest".parse().unwrap();
        assert_eq!(tag_link(&repository, &latest).as_str(), format!("{below}/_manifests/tags/latest/current/link"));
        assert_eq!(
            tag_history_link(&repository, &latest, &digest).as_str(),
            format!("{below}/_manifests/tags/latest/index/sha256/{hex}/link")
        );
    }

    #[test]
    fn a_link_has_71_bytes_and_is_read_back() {
        let digest = Digest::of(Algorithm::Sha256, b"quay");
        assert_eq!(link(&digest).len(), 71);
        assert_eq!(linked(&link(&digest)), Some(digest));
        assert_eq!(linked(b""), None);
    }

    #[test]
    fn a_link_may_lead_to_the_same_content_under_another_algorithm_alone() {
        let [short, long, other] =
            [(Algorithm::Sha256, "buoy"), (Algorithm::Sha512, "buoy"), (Algorithm::Sha256, "quay")]
                .map(|(algorithm, content)| Digest::of(algorithm, content.as_bytes()));
        assert_eq!(target(&link(&short), &short), Some(short));
        assert_eq!(target(&link(&short), &long), Some(short));
        assert_eq!(target(&link(&long), &short), None);
        assert_eq!(target(&link(&other), &short), None);
        assert_eq!(target(b"", &short), None);
    }

    #[test]
    fn a_referrers_name_is_its_digest() {
        let digest = Digest::of(Algorithm::Sha512, b"buoy");
        let key = referrer(&"a".parse().unwrap(), &digest, &digest);
        let name = key.as_str().rsplit('/').next().unwrap();
        assert_eq!(referrer_of_name(name), Some(digest));
    }
}

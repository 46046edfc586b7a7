//! Referrers: the manifests that name another as their subject (distribution-spec, "Listing Referrers").
//!
//! Which manifest refers to which is noted in a directory of names for each subject, written with each push. A note is only
//! a hint of where to look: a referrer is listed when the repository holds its manifest and that manifest names the
//! subject. So notes that are out of date do no harm, and missing ones are made by [`index`] before an answer. What clients
//! have listed under the tag that stands in for this API elsewhere is listed as well.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

mod index;

use self::index::Examined;
pub(super) use self::index::Indexes;
use crate::{
    oci::{Descriptor, Digest, Manifest, Repository, Tag},
    registry::Registry,
    storage::{self, Durability, Listing, layout},
};

/// Referrers looked at for one answer: a bound on its work. The rest is on further pages.
const PER_PAGE: usize = 500;

/// Bytes of descriptors in one answer, which is a manifest to its reader and may have four megabytes. One descriptor alone
/// may have more.
const PAGE_BYTES: usize = 3 << 20;

/// Part of the list of a subject's referrers.
#[derive(Debug, Default)]
pub struct Referrers {
    /// In the order of their digests.
    pub descriptors: Vec<Descriptor>,
    /// The digest after which there may be more.
    pub continues_after: Option<Digest>,
}

/// Digests that may be referrers, with the descriptor that a client listed.
type Candidates = BTreeMap<Digest, Option<Descriptor>>;

impl Registry {
    /// The referrers of `subject` in `repository` after the digest `after`, of `artifact_type` if one is given. Empty for
    /// a subject or a repository that does not exist: a signature may be there before what it signs.
    ///
    /// # Errors
    /// The store's.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
    ) -> Result<Referrers, storage::Error> {
        let candidates = self.candidates(repository, subject, after).await?;
        let more = candidates.len() > PER_PAGE;
        let (mut page, mut bytes, mut last) = (Referrers::default(), 0, None);
        for (digest, listed) in candidates.into_iter().take(PER_PAGE) {
            let described = self.describe(repository, subject, &digest, listed).await?;
            let of_type =
                |found: &Descriptor| artifact_type.is_none_or(|of| found.artifact_type.as_deref() == Some(of));
            if let Some(found) = described.filter(of_type) {
                bytes += found.weight();
                if bytes > PAGE_BYTES && !page.descriptors.is_empty() {
                    return Ok(Referrers { continues_after: last, ..page });
                }
                page.descriptors.push(found);
            }
            last = Some(digest);
        }
        Ok(Referrers { continues_after: last.filter(|_| more), ..page })
    }

    /// The smallest digests after `after` that may be referrers, more than a page of them if there are.
    async fn candidates(
        &self,
        repository: &Repository,
        subject: &Digest,
        after: Option<&Digest>,
    ) -> Result<Candidates, storage::Error> {
        let mut candidates = self.pushed_with_fallback_tag(repository, subject).await?;
        {
            let index = self.indexes.of(repository);
            let mut index = index.lock().await;
            let before = index.len();
            self.complete_index(repository, &mut index).await?;
            self.indexes.count(index.len().saturating_sub(before));
            candidates.extend(index.unwritten(subject).map(|digest| (digest, None)));
        }
        candidates.retain(|digest, _| after.is_none_or(|after| digest > after));
        let listing = Listing { after: after.map(layout::name_of_referrer), limit: PER_PAGE + 1, having: None };
        let noted = self.store.list(&layout::referrers(repository, subject), listing).await?;
        candidates.extend(noted.iter().filter_map(|name| layout::referrer_of_name(name)).map(|digest| (digest, None)));
        Ok(candidates)
    }

    /// Notes that a manifest refers to `subject`.
    ///
    /// A push notes it before the manifest is visible, and need not wait for the disk: should a crash lose the note, the
    /// directory of manifests has another version than when it was last examined, and is examined again.
    pub(super) async fn note_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &Digest,
        durability: Durability,
    ) -> Result<(), storage::Error> {
        self.store.put(&layout::referrer(repository, subject, referrer), Bytes::new(), durability).await
    }

    /// Undoes [`note_referrer`](Self::note_referrer) for a manifest that is gone.
    pub(super) async fn forget_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &Digest,
    ) -> Result<(), storage::Error> {
        let index = self.indexes.of(repository);
        let mut index = index.lock().await;
        index.forget(referrer);
        self.store.delete(&layout::referrer(repository, subject, referrer)).await
    }

    /// Forgets all notes of a repository that is gone.
    pub(super) async fn forget_referrers(&self, repository: &Repository) -> Result<(), storage::Error> {
        let index = self.indexes.of(repository);
        let mut index = index.lock().await;
        *index = Examined::default();
        self.store.delete(&layout::referrers_scanned(repository)).await?;
        self.store.delete_tree(&layout::all_referrers(repository), Durability::Volatile).await
    }

    /// The descriptor of a candidate: made from its manifest, or as a client without the referrers API `listed` it.
    async fn describe(
        &self,
        repository: &Repository,
        subject: &Digest,
        digest: &Digest,
        listed: Option<Descriptor>,
    ) -> Result<Option<Descriptor>, storage::Error> {
        let Some(content) = self.manifest_content(repository, digest).await? else { return Ok(None) };
        let bytes = content.bytes();
        let manifest = Manifest::parse(&bytes, None).ok().filter(|manifest| manifest.subject() == Some(*subject));
        Ok(manifest.map(|manifest| manifest.into_descriptor(*digest, bytes.len() as u64)).or(listed))
    }

    /// What clients have listed under the tag that stands in for this API on registries without it.
    async fn pushed_with_fallback_tag(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Candidates, storage::Error> {
        let Some(tagged) = self.tagged(repository, &Tag::referrers_fallback(subject)).await? else {
            return Ok(Candidates::new());
        };
        let content = self.manifest_content(repository, &tagged).await?;
        Ok(content.map(|content| listed_in(&content.bytes())).unwrap_or_default())
    }
}

/// The entries of an index. A tag of this form may hold something else altogether; then it lists nothing.
fn listed_in(content: &[u8]) -> Candidates {
    #[derive(Default, Deserialize)]
    struct Index<'a> {
        #[serde(default, borrow)]
        manifests: Vec<&'a RawValue>,
    }
    let index: Index<'_> = serde_json::from_slice(content).unwrap_or_default();
    // One entry that cannot be read does not take the others with it.
    let entries = index.manifests.iter().filter_map(|entry| serde_json::from_str::<Descriptor>(entry.get()).ok());
    entries.map(|descriptor| (descriptor.digest, Some(descriptor))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;

    #[test]
    fn an_entry_that_cannot_be_read_does_not_take_the_others_with_it() {
        let digest = Digest::of(Algorithm::Sha256, b"");
        let entries = [r#"{"digest":"md5:1"}"#, r#"7"#, &format!(r#"{{"digest":"{digest}","size":"large"}}"#)];
        let good = format!(r#"{{"digest":"{digest}","size":1}}"#);
        let index = format!(r#"{{"manifests":[{},{good}]}}"#, entries.join(","));
        assert_eq!(listed_in(index.as_bytes()).into_keys().collect::<Vec<_>>(), [digest]);
        for other in ["", "[]", r#"{"manifests":7}"#, "layer"] {
            assert!(listed_in(other.as_bytes()).is_empty(), "{other}");
        }
    }
}

//! Tags: listing and removing them. They are set by pushing a manifest.

use crate::{
    oci::{Digest, Repository, Tag},
    registry::{LINK_LIMIT, Registry},
    storage::{self, Durability, Listing, Optional, layout},
};

/// How many tags are looked at in one step while those of a manifest are sought.
const BATCH: usize = 1024;

/// The object that makes a directory a tag.
const CURRENT: &str = "current/link";

/// Why there is no answer about tags.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was ever pushed there.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(Repository),
    /// The repository has no such tag.
    #[error("tag {0} is unknown")]
    Unknown(Tag),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// Part of an ordered list of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The names, in byte order.
    pub names: Vec<String>,
    /// Whether there are more after the last.
    pub more: bool,
}

impl Page {
    /// Takes one name more than a page has as a sign that there are more.
    pub(super) fn cut(mut names: Vec<String>, limit: usize) -> Self {
        let more = names.len() > limit;
        names.truncate(limit);
        Self { names, more }
    }
}

impl Registry {
    /// At most `limit` tags of `repository` after `after`; every tag without a limit.
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`] when nothing was ever pushed there, else the store's.
    pub async fn tags(
        &self,
        repository: &Repository,
        after: Option<String>,
        limit: Option<usize>,
    ) -> Result<Page, Error> {
        let limit = limit.unwrap_or(usize::MAX);
        let listing = Listing { after, limit: limit.saturating_add(1), having: Some(CURRENT) };
        let names = self.store.list(&layout::tags(repository), listing).await?;
        if names.is_empty() && !self.is_known(repository).await? {
            return Err(Error::RepositoryUnknown(repository.clone()));
        }
        Ok(Page::cut(names, limit))
    }

    /// Whether anything was ever pushed to `repository`.
    async fn is_known(&self, repository: &Repository) -> Result<bool, storage::Error> {
        for part in [layout::MANIFESTS, layout::LAYERS] {
            if self.store.metadata(&layout::part(repository.as_str(), part)).await.optional()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a tag points at; `None` when there is no such tag.
    pub(super) async fn tagged(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, storage::Error> {
        let content = self.store.get(&layout::tag_link(repository, tag), LINK_LIMIT).await.optional()?;
        Ok(content.and_then(|content| layout::linked(&content)))
    }

    /// Removes a tag; the manifest stays.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is no such tag, else the store's.
    pub async fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<(), Error> {
        let _others_wait = self.locks.exclusive(repository).await;
        let Some(digest) = self.tagged(repository, tag).await? else { return Err(Error::Unknown(tag.clone())) };
        self.store.delete_tree(&layout::tag(repository, tag), Durability::Durable).await?;
        // With the tag goes the sign that the manifest is not a part of something that is being pushed.
        Ok(self.release(repository, [(digest, layout::revision_link(repository, &digest))]).await?)
    }

    /// Removes every tag that points at `digest`. The caller holds off pushes.
    pub(super) async fn untag_all(&self, repository: &Repository, digest: &Digest) -> Result<(), storage::Error> {
        // Found first and removed then: a directory that changes while it is listed has to be read again for each part.
        for tag in self.tags_of(repository, digest).await? {
            self.store.delete_tree(&layout::tag(repository, &tag), Durability::Durable).await?;
        }
        Ok(())
    }

    /// The tags that point at `digest`.
    async fn tags_of(&self, repository: &Repository, digest: &Digest) -> Result<Vec<Tag>, storage::Error> {
        let directory = layout::tags(repository);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let names = self.store.list(&directory, Listing { after, limit: BATCH, having: None }).await?;
            let tags: Vec<Tag> = names.iter().filter_map(|name| name.parse().ok()).collect();
            let links = tags.iter().map(|tag| layout::tag_link(repository, tag)).collect();
            let contents = self.store.get_many(links, LINK_LIMIT).await?;
            let pointed_at = contents.into_iter().map(|content| content.and_then(|content| layout::linked(&content)));
            found.extend(tags.into_iter().zip(pointed_at).filter(|(_, at)| *at == Some(*digest)).map(|(tag, _)| tag));
            if names.len() < BATCH {
                return Ok(found);
            }
            after = names.last().cloned();
        }
    }
}

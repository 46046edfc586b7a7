//! Carries a plan out, step by step, each safe to be the last.

use std::{collections::HashSet, time::SystemTime};

use super::{
    Error, Options, Output, Summary,
    marks::Marks,
    plan::{Plan, Planned},
};
use crate::{
    oci::{Digest, Repository, Tag},
    registry::{Registry, claims::Watch},
    storage::{self, Alone, Durability, Key, Listing, Metadata, layout},
};

/// Manifests removed without letting pushes into the repository through.
const MANIFESTS: usize = 16;

/// Links or contents removed in one step, while requests for them wait.
const BATCH: usize = 64;

/// A collection that removes.
#[derive(Debug)]
pub(super) struct Sweep<'a> {
    pub(super) registry: &'a Registry,
    pub(super) options: Options,
    pub(super) began: SystemTime,
    pub(super) watch: &'a Watch<'a>,
    pub(super) output: &'a Output,
}

impl Sweep<'_> {
    /// Removes what the plan says and nobody has come to need meanwhile. The order is that in which a crash does no
    /// harm: what is still linked always has its content.
    pub(super) async fn carry_out(&self, plan: &mut Plan, summary: &mut Summary) -> Result<(), Error> {
        *summary = Summary { kept: summary.kept, problems: summary.problems, ..Summary::default() };
        let Plan { repositories, blobs, marks, .. } = plan;
        for planned in &mut *repositories {
            self.remove_manifests(planned, marks, summary).await?;
        }
        for planned in &*repositories {
            self.remove_links(planned, marks, summary).await?;
        }
        self.remove_blobs(blobs, marks, summary).await?;
        for planned in repositories.iter().filter(|planned| planned.empties) {
            let _alone = self.next_step().await?;
            summary.repositories += u64::from(self.registry.remove_empty_repository(&planned.repository).await?);
        }
        Ok(())
    }

    /// Whether to go on; other processes are held off from writing until what is returned is dropped.
    async fn next_step(&self) -> Result<Alone, Error> {
        if self.output.lines.is_closed() {
            return Err(Error::Stopped);
        }
        if self.watch.lost_track() {
            return Err(Error::TooBusy);
        }
        self.registry.store.hold_others_off().await?.ok_or(Error::NotAlone)
    }

    /// Removes untagged manifests. When something was pushed to the repository meanwhile, a tag may lead to them by now,
    /// so it is looked at once more, with pushes held off.
    async fn remove_manifests(
        &self,
        planned: &mut Planned,
        marks: &mut Marks,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let Planned { repository, manifests, links, empties, .. } = planned;
        let mut waiting = std::mem::take(manifests);
        while !waiting.is_empty() {
            let _alone = self.next_step().await?;
            let _others_wait = self.registry.locks.exclusive(repository).await;
            if self.watch.was_pushed_to(repository) {
                *empties = false;
                self.look_again(repository, &mut waiting, links, marks).await?;
            }
            for digest in waiting.split_off(waiting.len().saturating_sub(MANIFESTS)) {
                self.registry.remove_manifest(repository, &digest).await?;
                summary.manifests += 1;
            }
        }
        Ok(())
    }

    /// Takes what is needed by now from what was going to be removed, and marks what it names.
    async fn look_again(
        &self,
        repository: &Repository,
        manifests: &mut Vec<Digest>,
        links: &mut Vec<Digest>,
        marks: &mut Marks,
    ) -> Result<(), storage::Error> {
        let cutoff = self.began.checked_sub(self.options.grace).unwrap_or(SystemTime::UNIX_EPOCH);
        let survey = self.registry.survey(repository, &self.options, cutoff).await?;
        let untagged: HashSet<Digest> = survey.untagged.into_iter().collect();
        manifests.retain(|digest| untagged.contains(digest));
        links.retain(|digest| survey.unnamed.contains_key(digest));
        for (manifest, named) in survey.kept {
            marks.keep(manifest);
            for named in named {
                marks.insert(named);
            }
        }
        for digest in survey.unclear {
            marks.keep(digest);
        }
        Ok(())
    }

    async fn remove_links(&self, planned: &Planned, marks: &mut Marks, summary: &mut Summary) -> Result<(), Error> {
        for batch in planned.links.chunks(BATCH) {
            let _alone = self.next_step().await?;
            let removal = self.watch.remove(batch.iter().copied());
            let free: Vec<Digest> = batch.iter().copied().filter(|digest| removal.covers(digest)).collect();
            let links: Vec<Key> = free.iter().map(|digest| layout::layer_link(&planned.repository, digest)).collect();
            let links = self.untouched(&free, links, marks).await?;
            summary.links += links.len() as u64;
            self.registry.store.delete_many(links).await?;
        }
        Ok(())
    }

    async fn remove_blobs(
        &self,
        blobs: &[(Digest, u64)],
        marks: &mut Marks,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        for batch in blobs.chunks(BATCH) {
            let _alone = self.next_step().await?;
            let unmarked = batch.iter().filter(|(digest, _)| !marks.contains(digest));
            let removal = self.watch.remove(unmarked.map(|(digest, _)| *digest));
            let free: Vec<Digest> =
                batch.iter().map(|(digest, _)| *digest).filter(|digest| removal.covers(digest)).collect();
            let contents = self.untouched(&free, free.iter().map(layout::blob).collect(), marks).await?;
            for (digest, size) in batch.iter().filter(|(digest, _)| removal.covers(digest) && !marks.contains(digest)) {
                self.registry.contents.remove(digest);
                summary.blobs += 1;
                summary.bytes += size;
            }
            self.registry.store.delete_many(contents).await?;
        }
        Ok(())
    }

    /// Those of `keys`, one for each digest, that were not written since the collection began, which another process may
    /// have done; what was, is marked.
    async fn untouched(
        &self,
        digests: &[Digest],
        keys: Vec<Key>,
        marks: &mut Marks,
    ) -> Result<Vec<Key>, storage::Error> {
        let found = self.registry.store.metadata_many(keys.clone()).await?;
        let touched = |found: &Option<Metadata>| found.is_some_and(|found| found.modified >= self.began);
        for (digest, _) in digests.iter().zip(&found).filter(|(_, found)| touched(found)) {
            marks.keep(*digest);
        }
        Ok(keys.into_iter().zip(&found).filter(|(_, found)| !touched(found)).map(|(key, _)| key).collect())
    }
}

impl Registry {
    /// Removes an untagged manifest, also from the history of tags. The caller holds off pushes.
    async fn remove_manifest(&self, repository: &Repository, digest: &Digest) -> Result<(), storage::Error> {
        let content = self.manifest_content(repository, digest).await?;
        // A tag that stands in for the referrers API may still point at it.
        self.untag_all(repository, digest).await?;
        self.unlink_manifest(repository, digest, content.as_deref()).await?;
        let names = self.store.list(&layout::tags(repository), Listing::ALL).await?;
        let tags = names.iter().filter_map(|name| name.parse::<Tag>().ok());
        let history: Vec<Key> = tags.map(|tag| layout::tag_history_link(repository, &tag, digest)).collect();
        self.store.delete_many(history).await
    }

    /// Removes what is left of a repository that holds nothing; whether it did.
    async fn remove_empty_repository(&self, repository: &Repository) -> Result<bool, storage::Error> {
        let _others_wait = self.locks.exclusive(repository).await;
        for name in self.store.list(&layout::tags(repository), Listing::ALL).await? {
            let Ok(tag) = name.parse::<Tag>() else { continue };
            if self.tagged(repository, &tag).await?.is_none() {
                self.store.delete_tree(&layout::tag(repository, &tag), Durability::Volatile).await?;
            }
        }
        let top = layout::repositories(None);
        for part in [layout::UPLOADS, layout::LAYERS, layout::MANIFESTS] {
            self.store.prune(&layout::part(repository.as_str(), part), &top).await?;
        }
        let left = self.store.list(&layout::repositories(Some(repository.as_str())), Listing::ALL).await?;
        let gone = !left.iter().any(|name| [layout::UPLOADS, layout::LAYERS, layout::MANIFESTS].contains(&&**name));
        if gone {
            self.forget_referrers(repository).await?;
        }
        Ok(gone)
    }
}

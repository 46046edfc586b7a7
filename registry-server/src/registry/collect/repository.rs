//! What one repository holds, and what of it may go.

use std::{
    collections::{HashMap, HashSet},
    time::SystemTime,
};

use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::{
    Options,
    graph::Graph,
    references::{Named, References},
};
use crate::{
    oci::{Algorithm, Digest, Repository, Tag},
    registry::{LINK_LIMIT, Registry, manifests::MANIFEST_LIMIT},
    storage::{self, Key, Listing, Metadata, layout},
};

/// Objects looked at in one step.
const BATCH: usize = 1024;

/// Manifests read in one step, and their bytes together unless a single one has more.
const MANIFESTS: usize = 64;
const BYTES: u64 = 8 << 20;

/// A link is no shorter.
const SHORTEST_LINK: u64 = 71;

/// What was found out about a repository.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Manifests that stay, with what they name; in the order of their digests.
    pub(super) kept: Vec<(Digest, Vec<Named>)>,
    /// Manifests that may go.
    pub(super) untagged: Vec<Digest>,
    /// Manifests among those kept only because a client is about to use them.
    pub(super) awaited: u64,
    /// Blobs that no manifest here names.
    pub(super) unnamed: HashMap<Digest, Unnamed>,
    /// Blobs that stay although no manifest names them, because one that might cannot be read.
    pub(super) unclear: Vec<Digest>,
    /// The tags, for messages.
    pub(super) tags: Vec<Tag>,
    /// Whether there is more than manifests and blobs: uploads, and tags that point at nothing.
    pub(super) has_more: bool,
    /// What is damaged; a sentence each.
    pub(super) problems: Vec<String>,
}

/// A blob that no manifest names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unnamed {
    /// When its link was written.
    pub(super) linked: SystemTime,
    /// Whether a client is known to count on it.
    pub(super) confirmed: bool,
}

impl Registry {
    /// Looks at everything in `repository`. What is newer than `cutoff` counts as fresh.
    pub(super) async fn survey(
        &self,
        repository: &Repository,
        options: &Options,
        cutoff: SystemTime,
    ) -> Result<Survey, storage::Error> {
        let mut survey = Survey::default();
        // In this order: what a tag points at was there before the tag.
        let tags = self.pointing_tags(repository, &mut survey.problems).await?;
        let revisions = self.surveyed_revisions(repository, &mut survey.problems).await?;
        let digests: Vec<Digest> = revisions.iter().map(|(digest, _)| *digest).collect();
        let graph = Graph { manifests: self.read_manifests(&digests).await?, tags };
        let (kept, awaited) = self.kept(repository, options, cutoff, &graph, &revisions).await?;
        survey.awaited = awaited;
        let lost: Vec<&Digest> = digests.iter().filter(|digest| graph.manifests[digest].is_none()).collect();
        for digest in &lost {
            survey
                .problems
                .push(format!("{repository}: manifest {digest} is damaged or missing: push it again, or delete it"));
        }
        // What a lost manifest would keep is not known.
        let unclear = lost.iter().any(|digest| kept.contains(digest));
        if unclear {
            survey.problems.push(format!("{repository}: nothing is removed as long as manifests of it are damaged"));
        }
        for (tag, digest) in &graph.tags {
            if !graph.manifests.contains_key(digest) && self.tagged(repository, tag).await? == Some(*digest) {
                survey.has_more = true;
                survey.problems.push(format!("{repository}: tag {tag} points at {digest}, which is not there"));
            }
        }
        survey.has_more |=
            !self.store.list(&layout::uploads(repository), Listing { limit: 1, ..Listing::ALL }).await?.is_empty();
        survey.tags = graph.tags.iter().map(|(tag, _)| tag.clone()).collect();
        let mut manifests = graph.manifests;
        for digest in digests {
            if unclear || kept.contains(&digest) {
                let named = manifests.remove(&digest).flatten().map(|references| references.content);
                survey.kept.push((digest, named.unwrap_or_default()));
            } else {
                survey.untagged.push(digest);
            }
        }
        self.survey_blobs(repository, options, unclear, &mut survey).await?;
        Ok(survey)
    }

    /// Which manifests stay, and how many of them only because they are waited for.
    async fn kept(
        &self,
        repository: &Repository,
        options: &Options,
        cutoff: SystemTime,
        graph: &Graph,
        revisions: &[(Digest, SystemTime)],
    ) -> Result<(HashSet<Digest>, u64), storage::Error> {
        if !options.delete_untagged {
            return Ok((graph.manifests.keys().copied().collect(), 0));
        }
        let reachable = graph.reachable(&HashSet::new());
        let confirmed = |digest: &Digest| self.claims.is_confirmed(repository, digest, options.grace);
        let mut waiting: HashSet<Digest> = revisions
            .iter()
            .map(|(digest, _)| *digest)
            .filter(|digest| !reachable.contains(digest) && confirmed(digest))
            .collect();
        let fresh = revisions.iter().filter(|(digest, written)| !reachable.contains(digest) && *written > cutoff);
        let fresh: Vec<Digest> = fresh.map(|(digest, _)| *digest).collect();
        waiting.extend(self.not_used_yet(repository, graph, fresh).await?);
        let kept = graph.reachable(&waiting);
        let awaited = kept.len() - reachable.len();
        Ok((kept, awaited as u64))
    }

    /// Those of `fresh` manifests that were pushed for something that has not come yet: the index that will list them,
    /// the tag, or the subject they refer to.
    async fn not_used_yet(
        &self,
        repository: &Repository,
        graph: &Graph,
        fresh: Vec<Digest>,
    ) -> Result<Vec<Digest>, storage::Error> {
        if fresh.is_empty() {
            return Ok(fresh);
        }
        let mut used: HashSet<Digest> = graph.manifests.keys().flat_map(|digest| graph.children(digest)).collect();
        used.extend(self.ever_tagged(repository, graph).await?);
        let (referring, others): (Vec<Digest>, Vec<Digest>) =
            fresh.into_iter().partition(|digest| graph.subject(digest).is_some());
        let subjects = referring.iter().filter_map(|digest| graph.subject(digest));
        let subjects = subjects.map(|subject| layout::blob(&subject)).collect();
        let subjects = self.store.metadata_many(subjects).await?;
        let alone = referring.iter().zip(subjects).filter(|(_, subject)| subject.is_none()).map(|(digest, _)| *digest);
        Ok(others.into_iter().filter(|digest| !used.contains(digest)).chain(alone).collect())
    }

    /// What the tags that there are have ever pointed at.
    async fn ever_tagged(&self, repository: &Repository, graph: &Graph) -> Result<HashSet<Digest>, storage::Error> {
        let mut tagged = HashSet::new();
        for algorithm in Algorithm::ALL {
            for batch in graph.tags.chunks(BATCH) {
                let history =
                    |(tag, _): &(Tag, Digest)| (layout::tag_history(repository, tag, algorithm), Listing::ALL);
                let histories = batch.iter().map(history).collect();
                let names = self.store.list_many(histories).await?;
                tagged.extend(names.iter().flatten().filter_map(|hex| digest(algorithm, hex)));
            }
        }
        Ok(tagged)
    }

    async fn survey_blobs(
        &self,
        repository: &Repository,
        options: &Options,
        unclear: bool,
        survey: &mut Survey,
    ) -> Result<(), storage::Error> {
        let layers = self.linked_below(repository, layout::layers, layout::layer_link).await?;
        let filed = self.filed_elsewhere(repository, &layers).await?;
        for (_, named) in &mut survey.kept {
            let targets: Vec<Named> =
                named.iter().filter_map(|named| Some(named.filed_as(*filed.get(&named.digest)?))).collect();
            named
                .iter_mut()
                .filter(|named| filed.contains_key(&named.digest))
                .for_each(|named| named.may_be_absent = true);
            named.extend(targets);
        }
        let named: HashSet<Digest> =
            survey.kept.iter().flat_map(|(_, named)| named).map(|named| named.digest).collect();
        let mut unnamed: HashMap<Digest, Unnamed> = HashMap::new();
        for (digest, link) in &layers {
            if !named.contains(digest) {
                let linked = link.map_or(SystemTime::UNIX_EPOCH, |link| link.modified);
                let confirmed = self.claims.is_confirmed(repository, digest, options.grace);
                unnamed.insert(*digest, Unnamed { linked, confirmed });
            } else if link.is_none_or(|link| link.size < SHORTEST_LINK) {
                survey
                    .problems
                    .push(format!("{repository}: the link to blob {digest} is damaged: push the blob again"));
            }
        }
        for (digest, target) in &filed {
            // The content stays as long as any name of it does.
            if let Some(other) = unnamed.get(digest).copied()
                && !named.contains(target)
            {
                let own = unnamed.entry(*target).or_insert(other);
                own.linked = own.linked.max(other.linked);
                own.confirmed |= other.confirmed;
            }
        }
        let held: HashSet<&Digest> = layers.iter().map(|(digest, _)| digest).chain(filed.values()).collect();
        for (manifest, named) in &survey.kept {
            for lost in named.iter().filter(|named| !named.may_be_absent && !held.contains(&named.digest)) {
                let digest = lost.digest;
                survey
                    .problems
                    .push(format!("{repository}: manifest {manifest} names blob {digest}, which is not there"));
            }
        }
        if unclear {
            survey.unclear = unnamed.into_keys().collect();
        } else {
            survey.unnamed = unnamed;
        }
        Ok(())
    }

    /// Where the content of blobs is kept that the reference has filed under another digest than the one of their link.
    async fn filed_elsewhere(
        &self,
        repository: &Repository,
        layers: &[(Digest, Option<Metadata>)],
    ) -> Result<HashMap<Digest, Digest>, storage::Error> {
        let others = layers.iter().map(|(digest, _)| *digest).filter(|digest| digest.algorithm() != Algorithm::Sha256);
        let others: Vec<Digest> = others.collect();
        let mut filed = HashMap::new();
        for batch in others.chunks(BATCH) {
            let keys = batch.iter().map(|digest| layout::layer_link(repository, digest)).collect();
            let links = self.store.get_many(keys, LINK_LIMIT).await?;
            let targets =
                batch.iter().zip(links).filter_map(|(digest, link)| Some((*digest, layout::target(&link?, digest)?)));
            filed.extend(targets.filter(|(digest, target)| digest != target));
        }
        Ok(filed)
    }

    /// The manifests of a repository and when they were pushed. One whose link is damaged is kept as if it were not.
    async fn surveyed_revisions(
        &self,
        repository: &Repository,
        problems: &mut Vec<String>,
    ) -> Result<Vec<(Digest, SystemTime)>, storage::Error> {
        let links = self.linked_below(repository, layout::revisions, layout::revision_link).await?;
        let mut revisions = Vec::with_capacity(links.len());
        for (digest, link) in links {
            let Some(link) = link else { continue };
            if link.size < SHORTEST_LINK {
                problems
                    .push(format!("{repository}: the link to manifest {digest} is damaged: push the manifest again"));
            }
            revisions.push((digest, link.modified));
        }
        Ok(revisions)
    }

    /// What a directory of links names, and the links.
    async fn linked_below(
        &self,
        repository: &Repository,
        directory: impl Fn(&Repository, Algorithm) -> Key,
        link: impl Fn(&Repository, &Digest) -> Key,
    ) -> Result<Vec<(Digest, Option<Metadata>)>, storage::Error> {
        let mut found = Vec::new();
        for algorithm in Algorithm::ALL {
            let names = self.store.list(&directory(repository, algorithm), Listing::ALL).await?;
            let digests: Vec<Digest> = names.iter().filter_map(|hex| digest(algorithm, hex)).collect();
            for batch in digests.chunks(BATCH) {
                let links = batch.iter().map(|digest| link(repository, digest)).collect();
                found.extend(batch.iter().copied().zip(self.store.metadata_many(links).await?));
            }
        }
        Ok(found)
    }

    /// The tags of a repository and what they point at.
    async fn pointing_tags(
        &self,
        repository: &Repository,
        problems: &mut Vec<String>,
    ) -> Result<Vec<(Tag, Digest)>, storage::Error> {
        let names = self.store.list(&layout::tags(repository), Listing::ALL).await?;
        let tags: Vec<Tag> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let mut pointing = Vec::with_capacity(tags.len());
        for batch in tags.chunks(BATCH) {
            let links: Vec<Key> = batch.iter().map(|tag| layout::tag_link(repository, tag)).collect();
            let sizes = self.store.metadata_many(links.clone()).await?;
            let readable = |size: &Option<Metadata>| size.is_some_and(|link| link.size <= LINK_LIMIT as u64);
            let (tags, links): (Vec<&Tag>, Vec<Key>) =
                batch.iter().zip(links).zip(&sizes).filter(|(_, size)| readable(size)).map(|(pair, _)| pair).unzip();
            let contents = self.store.get_many(links, LINK_LIMIT).await?;
            for (tag, content) in tags.into_iter().zip(contents) {
                // Without content the tag was deleted a moment ago.
                let Some(content) = content else { continue };
                match layout::linked(&content) {
                    Some(digest) => pointing.push((tag.clone(), digest)),
                    None => {
                        problems.push(format!("{repository}: the link of tag {tag} is damaged: push the tag again"));
                    }
                }
            }
        }
        Ok(pointing)
    }

    /// What each of `digests` names as a manifest, `None` where the content is missing, damaged or no manifest.
    pub(super) async fn read_manifests(
        &self,
        digests: &[Digest],
    ) -> Result<HashMap<Digest, Option<References>>, storage::Error> {
        let mut read: HashMap<Digest, Option<References>> = digests.iter().map(|digest| (*digest, None)).collect();
        for batch in digests.chunks(BATCH) {
            let sizes = self.store.metadata_many(batch.iter().map(layout::blob).collect()).await?;
            let readable =
                |size: &Option<Metadata>| size.map(|blob| blob.size).filter(|&size| size <= MANIFEST_LIMIT as u64);
            let present = batch.iter().zip(&sizes).filter_map(|(digest, size)| Some((*digest, readable(size)?)));
            for group in groups(present) {
                let contents = self.store.get_many(group.iter().map(layout::blob).collect(), MANIFEST_LIMIT).await?;
                let examined = spawn_blocking(move || examine(group, contents)).await;
                read.extend(examined.map_err(|_| storage::Error::ShuttingDown)?);
            }
        }
        Ok(read)
    }
}

/// The digest that a directory's name below one of `algorithm` stands for.
pub(super) fn digest(algorithm: Algorithm, hex: &str) -> Option<Digest> {
    format!("{algorithm}:{hex}").parse().ok()
}

/// Cuts digests with their sizes into groups that may be read at once.
fn groups(digests: impl Iterator<Item = (Digest, u64)>) -> Vec<Vec<Digest>> {
    let mut groups: Vec<Vec<Digest>> = Vec::new();
    let mut bytes = 0;
    for (digest, size) in digests {
        bytes += size;
        match groups.last_mut() {
            Some(group) if bytes <= BYTES && group.len() < MANIFESTS => group.push(digest),
            _ => {
                groups.push(vec![digest]);
                bytes = size;
            }
        }
    }
    groups
}

/// Hashes and reads manifests.
fn examine(digests: Vec<Digest>, contents: Vec<Option<Bytes>>) -> Vec<(Digest, Option<References>)> {
    let intact = |digest: &Digest, content: &Bytes| Digest::of(digest.algorithm(), content) == *digest;
    let read = |(digest, content): (Digest, Option<Bytes>)| {
        let content = content.filter(|content| intact(&digest, content));
        (digest, content.and_then(|content| References::read(&content)))
    };
    digests.into_iter().zip(contents).map(read).collect()
}

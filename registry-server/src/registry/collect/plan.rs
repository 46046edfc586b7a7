//! What a collection is going to remove, found out without changing anything.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, SystemTime},
};

use super::{
    Error, Options, Output, Summary,
    marks::Marks,
    references::Named,
    repository::{Survey, Unnamed, digest},
};
use crate::{
    oci::{Algorithm, Digest, Repository},
    registry::{Registry, manifests::MANIFEST_LIMIT},
    storage::{self, Listing, layout},
};

/// How long content that no repository has a link to may be one that is about to be linked by another process.
const UNLINKED: Duration = Duration::from_secs(60);

/// Most tags shown with a manifest.
const SHOWN_TAGS: usize = 32;

/// Directories of content looked at in one step.
const BATCH: usize = 16;

/// What is going to be removed.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) repositories: Vec<Planned>,
    /// Content, and its size.
    pub(super) blobs: Vec<(Digest, u64)>,
    /// Content that stays.
    pub(super) marks: Marks,
    named: usize,
    kept: u64,
    problems: u64,
}

/// What of one repository is going to be removed.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) repository: Repository,
    pub(super) manifests: Vec<Digest>,
    /// Blobs that it no longer holds.
    pub(super) links: Vec<Digest>,
    /// Whether nothing is left then.
    pub(super) empties: bool,
    tags: String,
}

/// A blob that no manifest of its repository names, and when its link was written.
struct Fresh {
    planned: usize,
    digest: Digest,
    linked: SystemTime,
    confirmed: bool,
}

/// Content that nothing names.
struct Unmarked {
    digest: Digest,
    size: u64,
    written: SystemTime,
}

impl Plan {
    /// Looks at every repository and all content.
    pub(super) async fn make(
        registry: &Registry,
        options: Options,
        began: SystemTime,
        output: &Output,
    ) -> Result<Self, Error> {
        let cutoff = began.checked_sub(options.grace).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut plan = Self::default();
        let mut fresh = Vec::new();
        let mut walk = registry.walk(&[layout::MANIFESTS, layout::LAYERS, layout::UPLOADS]);
        while let Some(repository) = walk.next().await? {
            output.line(|| repository.to_string()).await?;
            let survey = registry.survey(&repository, &options, cutoff).await?;
            plan.mark(&repository, &survey, output).await?;
            plan.add(&repository, survey, cutoff, &mut fresh);
        }
        plan.named = plan.marks.len();
        let unnamed = plan.take_stock(registry, output).await?;
        plan.report_missing(output).await?;
        plan.decide(registry, options, began, fresh, unnamed).await?;
        Ok(plan)
    }

    /// Marks what the manifests that stay name.
    async fn mark(&mut self, repository: &Repository, survey: &Survey, output: &Output) -> Result<(), Error> {
        for (manifest, named) in &survey.kept {
            output.line(|| format!("{repository}: marking manifest {manifest} ")).await?;
            self.marks.keep(*manifest);
            for named in named {
                if self.marks.insert(*named) {
                    let digest = named.digest;
                    output.line(|| format!("{repository}: marking blob {digest}")).await?;
                }
            }
        }
        for digest in &survey.unclear {
            self.marks.insert(Named { digest: *digest, size: None, may_be_absent: true });
        }
        for problem in &survey.problems {
            self.problem(problem.clone(), output).await?;
        }
        Ok(())
    }

    async fn problem(&mut self, text: String, output: &Output) -> Result<(), Error> {
        self.problems += 1;
        output.problem(text).await
    }

    fn add(&mut self, repository: &Repository, survey: Survey, cutoff: SystemTime, fresh: &mut Vec<Fresh>) {
        let planned = self.repositories.len();
        let (mut links, tags) = (Vec::new(), shown_tags(&survey));
        for (digest, Unnamed { linked, confirmed }) in survey.unnamed {
            if confirmed || linked > cutoff {
                fresh.push(Fresh { planned, digest, linked, confirmed });
            } else {
                links.push(digest);
            }
        }
        links.sort_unstable();
        self.kept += survey.awaited;
        let empties = survey.kept.is_empty() && survey.unclear.is_empty() && !survey.has_more;
        if empties
            || !links.is_empty()
            || !survey.untagged.is_empty()
            || fresh.last().is_some_and(|last| last.planned == planned)
        {
            let repository = repository.clone();
            self.repositories.push(Planned { repository, manifests: survey.untagged, links, empties, tags });
        }
    }

    /// Goes through all content; what nothing names.
    async fn take_stock(&mut self, registry: &Registry, output: &Output) -> Result<Vec<Unmarked>, Error> {
        let mut unnamed = Vec::new();
        for algorithm in Algorithm::ALL {
            let prefixes = registry.store.list(&layout::blobs(algorithm), Listing::ALL).await?;
            for batch in prefixes.chunks(BATCH) {
                let directory = |prefix: &String| (layout::blobs_with(algorithm, prefix), Listing::ALL);
                let directories = batch.iter().map(directory).collect();
                let names = registry.store.list_many(directories).await?;
                let digests: Vec<Digest> = names.iter().flatten().filter_map(|hex| digest(algorithm, hex)).collect();
                let found = registry.store.metadata_many(digests.iter().map(layout::blob).collect()).await?;
                for (digest, blob) in digests.into_iter().zip(found) {
                    let Some(blob) = blob else { continue };
                    match self.marks.found(&digest, blob.size) {
                        None => unnamed.push(Unmarked { digest, size: blob.size, written: blob.modified }),
                        Some(None) => {}
                        Some(Some(expected)) => {
                            let size = blob.size;
                            let text = format!(
                                "blob {digest} has {size} bytes, manifests say {expected}: if it is damaged, push it again"
                            );
                            self.problem(text, output).await?;
                        }
                    }
                }
            }
        }
        Ok(unnamed)
    }

    async fn report_missing(&mut self, output: &Output) -> Result<(), Error> {
        for digest in self.marks.missing() {
            self.problem(format!("blob {digest} is missing, although manifests name it: push it again"), output)
                .await?;
        }
        Ok(())
    }

    /// Decides about what was uploaded or confirmed lately: it stays, unless it has been used since.
    async fn decide(
        &mut self,
        registry: &Registry,
        options: Options,
        began: SystemTime,
        fresh: Vec<Fresh>,
        unnamed: Vec<Unmarked>,
    ) -> Result<(), storage::Error> {
        let unlinked = began.checked_sub(UNLINKED.min(options.grace)).unwrap_or(SystemTime::UNIX_EPOCH);
        let cutoff = began.checked_sub(options.grace).unwrap_or(SystemTime::UNIX_EPOCH);
        let used = used_lately(registry, &unnamed, cutoff.min(unlinked)).await?;
        let mut linked: HashSet<Digest> =
            self.repositories.iter().flat_map(|planned| planned.links.iter().copied()).collect();
        for Fresh { planned, digest, linked: since, confirmed } in fresh {
            let planned = &mut self.repositories[planned];
            linked.insert(digest);
            if !confirmed && used.named.get(&digest).is_some_and(|used| *used >= since) {
                planned.links.push(digest);
            } else {
                planned.empties = false;
                self.kept += u64::from(!self.marks.contains(&digest));
                self.marks.keep(digest);
            }
        }
        for Unmarked { digest, size, written } in unnamed {
            let may_be_linked_soon =
                written > unlinked && !linked.contains(&digest) && !used.manifests.contains(&digest);
            if may_be_linked_soon {
                self.kept += 1;
                self.marks.keep(digest);
            } else if !self.marks.contains(&digest) {
                self.blobs.push((digest, size));
            }
        }
        Ok(())
    }

    /// Tells what is going to be removed, in the reference's order and words.
    pub(super) async fn announce(&self, output: &Output) -> Result<(), Error> {
        for planned in &self.repositories {
            for digest in &planned.manifests {
                let Planned { repository, tags, .. } = planned;
                output.line(|| format!("manifest eligible for deletion: {{{repository} {digest} [{tags}]}}")).await?;
            }
        }
        let (named, blobs) = (self.named, self.blobs.len());
        let manifests: usize = self.repositories.iter().map(|planned| planned.manifests.len()).sum();
        output
            .line(|| format!("\n{named} blobs marked, {blobs} blobs and {manifests} manifests eligible for deletion"))
            .await?;
        for (digest, _) in &self.blobs {
            output.line(|| format!("blob eligible for deletion: {digest}")).await?;
        }
        for Planned { repository, links, empties, .. } in &self.repositories {
            for digest in links {
                output.line(|| format!("{repository}: layer link eligible for deletion: {digest}")).await?;
            }
            if *empties {
                output.line(|| format!("{repository}: empty repository eligible for deletion")).await?;
            }
        }
        Ok(())
    }

    /// What would be removed if it all were.
    pub(super) fn summary(&self) -> Summary {
        let count = |of: fn(&Planned) -> usize| self.repositories.iter().map(of).sum::<usize>() as u64;
        Summary {
            manifests: count(|planned| planned.manifests.len()),
            links: count(|planned| planned.links.len()),
            blobs: self.blobs.len() as u64,
            bytes: self.blobs.iter().map(|(_, size)| size).sum(),
            repositories: count(|planned| usize::from(planned.empties)),
            kept: self.kept,
            problems: self.problems,
        }
    }
}

fn shown_tags(survey: &Survey) -> String {
    if survey.untagged.is_empty() {
        return String::new();
    }
    let mut tags: Vec<&str> = survey.tags.iter().take(SHOWN_TAGS).map(|tag| tag.as_str()).collect();
    if survey.tags.len() > SHOWN_TAGS {
        tags.push("...");
    }
    tags.join(" ")
}

/// What manifests that were removed lately, but whose content is still here, say.
#[derive(Default)]
struct Used {
    /// When what they named was used last.
    named: HashMap<Digest, SystemTime>,
    /// The manifests themselves.
    manifests: HashSet<Digest>,
}

/// Reads the manifests among `unnamed` content that was written after `cutoff`: an upload that a manifest has used is no
/// longer on its way, although the manifest is gone again.
async fn used_lately(registry: &Registry, unnamed: &[Unmarked], cutoff: SystemTime) -> Result<Used, storage::Error> {
    let candidates = unnamed.iter().filter(|blob| blob.written > cutoff && blob.size <= MANIFEST_LIMIT as u64);
    let written: HashMap<Digest, SystemTime> = candidates.map(|blob| (blob.digest, blob.written)).collect();
    let digests: Vec<Digest> = written.keys().copied().collect();
    let mut used = Used::default();
    for (manifest, references) in registry.read_manifests(&digests).await? {
        let Some(references) = references else { continue };
        used.manifests.insert(manifest);
        for named in references.content {
            let last = used.named.entry(named.digest).or_insert(SystemTime::UNIX_EPOCH);
            *last = (*last).max(written[&manifest]);
        }
    }
    Ok(used)
}

//! `garbage-collect` of each program, and what has to be left of an inventory afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{command, run};
use crate::document::{Document, fallback_tag};
use crate::inventory::{Inventory, Repository};
use crate::server::{Program, configured};

/// Runs `garbage-collect` of `program` on a volume that nobody serves. Returns what it has told.
pub async fn garbage_collect(program: Program, volume: &Path, arguments: &[&str]) -> Result<String> {
    let folder = TempDir::new()?;
    let configuration = folder.path().join("config.yml");
    std::fs::write(&configuration, configured(volume))?;
    let mut command = command(program.path()?, ["garbage-collect"]);
    command.args(arguments).arg(configuration).current_dir(folder.path()).env_clear();
    command.env("OTEL_TRACES_EXPORTER", "none");
    run(command).await.with_context(|| format!("{program} does not collect {}", volume.display()))
}

impl Inventory {
    /// Everything that a manifest is or names: what no collection may remove.
    pub fn named(&self) -> BTreeSet<String> {
        let manifests = self.repositories.values().flat_map(|repository| repository.manifests.values());
        manifests.flat_map(|manifest| names(manifest).into_iter().chain([manifest.digest.clone()])).collect()
    }

    /// Notes a collection: of untagged manifests too where this server has removed them, and of the blobs that no manifest of
    /// their repository names. About those nothing is known then: they are gone, or left because another repository has
    /// them, or left as a link to nothing, and the programs differ in that.
    pub fn collected(&mut self, untagged: bool) {
        for repository in self.repositories.values_mut() {
            if untagged {
                repository.forget_untagged();
            }
            let named: BTreeSet<_> = repository.manifests.values().flat_map(names).collect();
            repository.blobs.retain(|digest, _| named.contains(digest));
        }
    }
}

impl Repository {
    fn forget_untagged(&mut self) {
        let kept = self.reachable();
        let gone: Vec<_> = self.manifests.keys().filter(|digest| !kept.contains(*digest)).cloned().collect();
        for digest in gone {
            self.forget_manifest(&digest);
        }
    }

    /// Manifests that a tag leads to, over indexes and from a subject to what refers to it.
    fn reachable(&self) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let tagged = self.tags.iter().filter(|(tag, _)| self.listed_subject(tag).is_none());
        let mut next: Vec<_> = tagged.map(|(_, digest)| digest.clone()).collect();
        while let Some(digest) = next.pop() {
            let Some(manifest) = self.manifests.get(&digest) else { continue };
            if reached.insert(digest.clone()) {
                next.extend(members(manifest));
                next.extend(self.referring_to(&digest));
            }
        }
        reached
    }

    /// What refers to a manifest, and the list of that under the fallback tag.
    fn referring_to(&self, subject: &str) -> Vec<String> {
        let refers = |manifest: &&Document| manifest.subject.as_deref() == Some(subject);
        let referrers = self.manifests.values().filter(refers).map(|manifest| manifest.digest.clone());
        let lists = self.tags.iter().filter(|(tag, _)| self.listed_subject(tag).as_deref() == Some(subject));
        referrers.chain(lists.map(|(_, digest)| digest.clone())).collect()
    }

    /// The subject for whose referrers `tag` stands. A fallback tag under which none of them is left is one like others.
    fn listed_subject(&self, tag: &str) -> Option<String> {
        let listed = members(self.manifests.get(self.tags.get(tag)?)?);
        let mut listed = listed.iter().filter_map(|digest| self.manifests.get(digest));
        let subject = listed.next()?.subject.clone()?;
        let agree = listed.all(|manifest| manifest.subject.as_ref() == Some(&subject));
        (agree && fallback_tag(&subject) == tag).then_some(subject)
    }
}

/// Digests of everything that a manifest names, its subject aside.
fn names(manifest: &Document) -> Vec<String> {
    let value: Value = serde_json::from_slice(&manifest.content).unwrap_or_default();
    let listed = ["layers", "manifests"].into_iter().flat_map(|field| digests(&value[field]));
    listed.chain(value["config"]["digest"].as_str().map(str::to_owned)).collect()
}

/// Digests of the members of an index; none of an image.
fn members(manifest: &Document) -> Vec<String> {
    let value: Value = serde_json::from_slice(&manifest.content).unwrap_or_default();
    digests(&value["manifests"])
}

fn digests(descriptors: &Value) -> Vec<String> {
    let descriptors = descriptors.as_array().into_iter().flatten();
    descriptors.filter_map(|descriptor| descriptor["digest"].as_str().map(str::to_owned)).collect()
}

//! What a registry has to hold: noted with each thing that is done to it, compared with everything it answers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use crate::distribution::Client;
use crate::document::{Document, fallback_tag};
use crate::https::Answer;
use crate::image::sha256;
use crate::server::Program;

/// What a registry has to hold.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// By name.
    pub repositories: BTreeMap<String, Repository>,
}

/// What a repository has to hold.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// By digest.
    pub blobs: BTreeMap<String, Bytes>,
    /// By digest.
    pub manifests: BTreeMap<String, Document>,
    /// Each tag and the digest of what it stands for.
    pub tags: BTreeMap<String, String>,
    /// Digests of blobs that were deleted.
    pub deleted_blobs: BTreeSet<String>,
    /// Digests of manifests that were deleted.
    pub deleted_manifests: BTreeSet<String>,
    /// Tags that were deleted.
    pub deleted_tags: BTreeSet<String>,
}

impl Inventory {
    /// Does things to the registry of `client`, and notes them here.
    pub fn keeper<'a>(&'a mut self, client: &'a Client) -> Keeper<'a> {
        Keeper { inventory: self, client }
    }

    /// Compares everything with what the registry answers. An error names the first difference.
    pub async fn check(&self, client: &Client) -> Result<()> {
        self.check_catalog(client).await?;
        for (name, repository) in &self.repositories {
            let checked = repository.check(client, name).await;
            checked.with_context(|| format!("repository {name} as {} serves it", client.program))?;
        }
        Ok(())
    }

    /// Whether one that is empty is listed differs between the programs: nothing is asked about those.
    async fn check_catalog(&self, client: &Client) -> Result<()> {
        let listed = strings(&client.json("/v2/_catalog?n=1000").await?["repositories"]);
        let known: BTreeSet<_> = self.repositories.keys().cloned().collect();
        // Version 2 lists what has layers, the others what has manifests.
        let by_layers = client.program == Program::Registry2;
        let is_shown =
            |repository: &Repository| !(repository.manifests.is_empty() || by_layers && repository.blobs.is_empty());
        let shown = self.repositories.iter().filter(|(_, repository)| is_shown(repository));
        let shown: BTreeSet<_> = shown.map(|(name, _)| name.clone()).collect();
        let missing: Vec<_> = shown.difference(&listed).collect();
        let unknown: Vec<_> = listed.difference(&known).collect();
        let program = client.program;
        ensure!(missing.is_empty(), "{program} does not list the repositories {missing:?}, but {listed:?}");
        ensure!(unknown.is_empty(), "{program} lists {unknown:?}, where nothing was pushed");
        Ok(())
    }
}

impl Repository {
    /// Notes that a manifest is gone, and the tags that stood for it.
    pub fn forget_manifest(&mut self, digest: &str) {
        self.manifests.remove(digest);
        self.deleted_manifests.insert(digest.to_owned());
        let gone: Vec<_> = self.tags.iter().filter(|(_, of)| *of == digest).map(|(tag, _)| tag.clone()).collect();
        for tag in gone {
            self.tags.remove(&tag);
            self.deleted_tags.insert(tag);
        }
    }

    async fn check(&self, client: &Client, name: &str) -> Result<()> {
        for (digest, manifest) in &self.manifests {
            is_manifest(&client.get(&format!("/v2/{name}/manifests/{digest}")).await?, manifest)
                .with_context(|| format!("manifest {digest}"))?;
        }
        for (tag, digest) in &self.tags {
            let manifest = self.manifests.get(digest).context("a tag of nothing")?;
            is_manifest(&client.get(&format!("/v2/{name}/manifests/{tag}")).await?, manifest)
                .with_context(|| format!("tag {tag}"))?;
        }
        for (digest, content) in &self.blobs {
            is_blob(&client.get(&format!("/v2/{name}/blobs/{digest}")).await?, content)
                .with_context(|| format!("blob {digest}"))?;
        }
        self.check_deleted(client, name).await?;
        self.check_tags(client, name).await?;
        if client.program == Program::Ours { self.check_referrers(client, name).await } else { Ok(()) }
    }

    async fn check_deleted(&self, client: &Client, name: &str) -> Result<()> {
        let blobs = self.deleted_blobs.iter().map(|digest| format!("/v2/{name}/blobs/{digest}"));
        let manifests = self.deleted_manifests.iter().chain(&self.deleted_tags);
        for target in blobs.chain(manifests.map(|reference| format!("/v2/{name}/manifests/{reference}"))) {
            let status = client.head(&target).await?.status;
            ensure!(status == StatusCode::NOT_FOUND, "{target} was deleted, but is answered with {status}");
        }
        Ok(())
    }

    async fn check_tags(&self, client: &Client, name: &str) -> Result<()> {
        if self.manifests.is_empty() {
            return Ok(()); // whether it is known then differs between the programs
        }
        let expected: BTreeSet<_> = self.tags.keys().cloned().collect();
        let target = format!("/v2/{name}/tags/list");
        if client.program != Program::Ours && expected.is_empty() && client.get(&target).await?.status == 404 {
            return Ok(()); // the reference does not know a repository that never had a tag
        }
        let listed = strings(&client.json(&target).await?["tags"]);
        ensure!(listed == expected, "its tags are {listed:?}, not {expected:?}");
        Ok(())
    }

    /// For every manifest, and for what manifests refer to.
    async fn check_referrers(&self, client: &Client, name: &str) -> Result<()> {
        let subjects = self.manifests.values().filter_map(|manifest| manifest.subject.clone());
        let subjects: BTreeSet<_> = self.manifests.keys().cloned().chain(subjects).collect();
        for subject in subjects {
            let listed = client.json(&format!("/v2/{name}/referrers/{subject}")).await?;
            let listed: BTreeMap<_, _> = members(&listed).collect();
            let expected: BTreeMap<_, _> = self.referrers(&subject).collect();
            ensure!(listed == expected, "the referrers of {subject} are {listed:?}, not {expected:?}");
        }
        Ok(())
    }

    /// Digest and artifact type of each manifest with this subject, and of those that clients have listed under its
    /// fallback tag.
    fn referrers(&self, subject: &str) -> impl Iterator<Item = (String, Option<String>)> {
        let refer = self.manifests.values().filter(move |manifest| manifest.subject.as_deref() == Some(subject));
        let index = self.tags.get(&fallback_tag(subject)).and_then(|digest| self.manifests.get(digest));
        let index: Value = index.and_then(|index| serde_json::from_slice(&index.content).ok()).unwrap_or_default();
        let listed: Vec<_> = members(&index).filter(|(digest, _)| self.manifests.contains_key(digest)).collect();
        refer.map(|manifest| (manifest.digest.clone(), manifest.artifact_type.clone())).chain(listed)
    }
}

/// Does things to a registry and notes what it has to hold from then on.
pub struct Keeper<'a> {
    inventory: &'a mut Inventory,
    /// Asks the registry.
    pub client: &'a Client,
}

impl Keeper<'_> {
    /// What a repository has to hold.
    pub fn repository(&mut self, name: &str) -> &mut Repository {
        self.inventory.repositories.entry(name.to_owned()).or_default()
    }

    /// Pushes a blob in two chunks, as clients push large ones.
    pub async fn push_blob(&mut self, repository: &str, content: &Bytes) -> Result<String> {
        let digest = sha256(content);
        self.push_blob_as(repository, content, &digest).await?;
        Ok(digest)
    }

    /// As `push_blob`, under a digest of another algorithm.
    pub async fn push_blob_as(&mut self, repository: &str, content: &Bytes, digest: &str) -> Result<()> {
        let (first, rest) = (content.slice(..content.len() / 2), content.slice(content.len() / 2..));
        let mut upload = self.client.begin_upload(repository).await?;
        if !first.is_empty() {
            upload = self.client.append(&upload, &first).await?;
        }
        self.client.finish(&upload, &rest, digest).await?;
        self.note_blob(repository, digest, content);
        Ok(())
    }

    /// Notes a blob that came in another way.
    pub fn note_blob(&mut self, repository: &str, digest: &str, content: &Bytes) {
        let held = self.repository(repository);
        held.deleted_blobs.remove(digest);
        held.blobs.insert(digest.to_owned(), content.clone());
    }

    /// Gives `repository` a blob of `from`.
    pub async fn mount(&mut self, repository: &str, digest: &str, from: &str) -> Result<()> {
        let content = self.repository(from).blobs.get(digest).cloned().context("there is no such blob to mount")?;
        self.client.mount(repository, digest, from).await?;
        self.note_blob(repository, digest, &content);
        Ok(())
    }

    /// Takes a blob out of `repository`.
    pub async fn delete_blob(&mut self, repository: &str, digest: &str) -> Result<()> {
        self.client.delete(&format!("/v2/{repository}/blobs/{digest}")).await?;
        let held = self.repository(repository);
        held.blobs.remove(digest);
        held.deleted_blobs.insert(digest.to_owned());
        Ok(())
    }

    /// Pushes a manifest by its digest alone.
    pub async fn push(&mut self, repository: &str, manifest: &Document) -> Result<()> {
        self.client.put_manifest(repository, &manifest.digest, manifest).await?;
        self.note_manifest(repository, manifest);
        Ok(())
    }

    /// Pushes a manifest under a tag, which is moved if it exists.
    pub async fn tag(&mut self, repository: &str, tag: &str, manifest: &Document) -> Result<()> {
        self.client.put_manifest(repository, tag, manifest).await?;
        self.note_manifest(repository, manifest);
        let held = self.repository(repository);
        held.deleted_tags.remove(tag);
        held.tags.insert(tag.to_owned(), manifest.digest.clone());
        Ok(())
    }

    fn note_manifest(&mut self, repository: &str, manifest: &Document) {
        let held = self.repository(repository);
        held.deleted_manifests.remove(&manifest.digest);
        held.manifests.insert(manifest.digest.clone(), manifest.clone());
    }

    /// Deletes a manifest, and with it the tags that stand for it.
    pub async fn delete_manifest(&mut self, repository: &str, digest: &str) -> Result<()> {
        self.client.delete(&format!("/v2/{repository}/manifests/{digest}")).await?;
        self.repository(repository).forget_manifest(digest);
        Ok(())
    }

    /// Deletes a tag and leaves its manifest. Version 2 of the reference cannot.
    pub async fn delete_tag(&mut self, repository: &str, tag: &str) -> Result<()> {
        self.client.delete(&format!("/v2/{repository}/manifests/{tag}")).await?;
        let held = self.repository(repository);
        held.tags.remove(tag);
        held.deleted_tags.insert(tag.to_owned());
        Ok(())
    }
}

fn is_manifest(answer: &Answer, expected: &Document) -> Result<()> {
    ensure!(answer.status == 200, "answered with {}: {}", answer.status, answer.text());
    ensure!(answer.body == expected.content, "its bytes are not those that were pushed: {}", answer.text());
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (digest, media_type) = (header("docker-content-digest"), header("content-type"));
    ensure!(digest == expected.digest, "it is said to have the digest {digest:?}, not {}", expected.digest);
    ensure!(media_type == expected.media_type, "its media type is {media_type:?}, not {}", expected.media_type);
    Ok(())
}

fn is_blob(answer: &Answer, expected: &Bytes) -> Result<()> {
    ensure!(answer.status == 200, "answered with {}: {}", answer.status, answer.text());
    ensure!(answer.body == expected, "its {} bytes are not the {} that were pushed", answer.body.len(), expected.len());
    Ok(())
}

/// The strings of an array; none where there is null.
fn strings(array: &Value) -> BTreeSet<String> {
    array.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Digest and artifact type of each member of an index.
fn members(index: &Value) -> impl Iterator<Item = (String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let members = index["manifests"].as_array().into_iter().flatten();
    members.filter_map(move |member| Some((text(&member["digest"])?, text(&member["artifactType"]))))
}

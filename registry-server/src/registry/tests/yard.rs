//! For tests: a registry on a directory that others change as well, and the comparison of its lists with the directory.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    event::{Event, REPOSITORIES, TAGS},
    walk::{files, names, repositories, tags_in},
};
use crate::{
    oci::{Algorithm, Digest, Reference, Repository},
    registry::{Registry, catalog::Everything, manifests::Push, tags},
    storage::filesystem::Filesystem,
};

/// Longer than a file system for tests takes to tell two changes apart.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One of a few manifests: the even ones refer to a subject.
pub(super) fn manifest(number: u8) -> String {
    let mut document = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": { "number": number.to_string() },
    });
    if number.is_multiple_of(2) {
        document["subject"] = json!({ "mediaType": OCI_INDEX, "digest": subject(), "size": 1 });
    }
    document.to_string()
}

pub(super) fn subject() -> Digest {
    sha256("subject")
}

fn sha256(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

/// A registry on a directory that others change as well.
pub(super) struct Yard {
    root: PathBuf,
    registry: Registry,
}

pub(super) fn start(root: &Path) -> Registry {
    Registry::new(Filesystem::open_with_index(root, 2, MOMENT))
}

impl Yard {
    pub(super) fn new(root: &Path) -> Self {
        fs::create_dir_all(root.join("elsewhere/_manifests/tags/1/current")).unwrap();
        fs::write(root.join("elsewhere/_manifests/tags/1/current/link"), subject().to_string()).unwrap();
        fs::create_dir_all(root.join("elsewhere/x/_manifests")).unwrap();
        Self { root: root.to_owned(), registry: start(root) }
    }

    fn directory(&self, repository: usize) -> PathBuf {
        self.root.join("docker/registry/v2/repositories").join(REPOSITORIES[repository])
    }

    fn revision(&self, repository: usize, digest: &Digest) -> PathBuf {
        self.directory(repository).join("_manifests/revisions/sha256").join(digest.hex())
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex)
    }

    fn tag(&self, repository: usize, tag: usize) -> PathBuf {
        self.directory(repository).join("_manifests/tags").join(TAGS[tag])
    }

    /// What cannot be done is not: the lists tell what is there.
    pub(super) async fn happen(&mut self, event: &Event) {
        let name = |repository: usize| REPOSITORIES[repository].parse::<Repository>().unwrap();
        match *event {
            Event::Push { repository, tag, manifest: number } => {
                let reference = Reference::Tag(TAGS[tag].parse().unwrap());
                let content = Bytes::from(manifest(number));
                let push = Push { reference, tags: Vec::new(), content_type: None, content };
                let _ = self.registry.put_manifest(&name(repository), push).await;
            }
            Event::DeleteManifest { repository, manifest: number } => {
                let _ = self.registry.delete_manifest(&name(repository), &sha256(&manifest(number))).await;
            }
            Event::DeleteTag { repository, tag } => {
                let _ = self.registry.delete_tag(&name(repository), &TAGS[tag].parse().unwrap()).await;
            }
            Event::Store { repository, manifest: number } => {
                let (content, digest) = (manifest(number), sha256(&manifest(number)));
                fs::create_dir_all(self.blob(&digest)).unwrap();
                fs::write(self.blob(&digest).join("data"), content).unwrap();
                fs::create_dir_all(self.revision(repository, &digest)).unwrap();
                fs::write(self.revision(repository, &digest).join("link"), digest.to_string()).unwrap();
            }
            Event::Unlink { repository, manifest: number } => {
                let _ = fs::remove_file(self.revision(repository, &sha256(&manifest(number))).join("link"));
            }
            Event::Collect { manifest: number } => {
                let digest = sha256(&manifest(number));
                let linked = |repository| self.revision(repository, &digest).join("link").exists();
                if !(0..REPOSITORIES.len()).any(linked) {
                    let _ = fs::remove_dir_all(self.blob(&digest));
                }
            }
            Event::CopyTag { repository, tag } => {
                let link = fs::read(self.tag(repository, 0).join("current/link"));
                if let (Ok(link), Ok(())) = (link, fs::create_dir_all(self.tag(repository, tag).join("current"))) {
                    fs::write(self.tag(repository, tag).join("current/link"), link).unwrap();
                }
            }
            Event::TearTag { repository, tag } => {
                let link = self.tag(repository, tag).join("current/link");
                drop(fs::metadata(&link).and_then(|_| fs::write(&link, "")));
            }
            Event::Remove { repository } => {
                let directory = self.directory(repository);
                let _ = fs::remove_file(&directory).or_else(|_| fs::remove_dir_all(directory));
            }
            Event::Move { from, to } => drop(fs::rename(self.directory(from), self.directory(to))),
            Event::Symlink { repository } => {
                let _ = std::os::unix::fs::symlink(self.root.join("elsewhere"), self.directory(repository));
            }
            Event::Restart => self.registry = start(&self.root),
            Event::RestartWithout { torn } => {
                let index = self.root.join("private-registry");
                if torn {
                    files(&index).iter().for_each(|file| fs::write(file, "sha256 7 1.0 1").unwrap());
                } else {
                    let _ = fs::remove_dir_all(index);
                }
                self.registry = start(&self.root);
            }
            Event::Rest => tokio::time::sleep(MOMENT).await,
        }
    }

    /// Every repository, by pages.
    pub(super) async fn catalog(&self, limit: usize) -> Vec<String> {
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let page = self.registry.catalog(last.as_deref(), limit, &Everything).await.unwrap();
            all.extend(page.names);
            last = all.last().cloned();
            if !page.more {
                return all;
            }
        }
    }

    async fn tags(&self, repository: &Repository, limit: usize) -> Vec<String> {
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let page = match self.registry.tags(repository, last, Some(limit)).await {
                Err(tags::Error::RepositoryUnknown(_)) => return all,
                page => page.unwrap(),
            };
            all.extend(page.names);
            last = all.last().cloned();
            if !page.more {
                return all;
            }
        }
    }

    async fn referrers(&self, repository: &Repository) -> Vec<Digest> {
        let found = self.registry.referrers(repository, &subject(), None, None).await.unwrap();
        found.descriptors.into_iter().map(|descriptor| descriptor.digest).collect()
    }

    /// Compares every list with what is there.
    pub(super) async fn check(&self, limit: usize, event: &Event) {
        let root = self.root.join("docker/registry/v2/repositories");
        assert_eq!(self.catalog(limit).await, repositories(&root), "catalog after {event:?}");
        for name in REPOSITORIES {
            let (repository, directory) = (name.parse().unwrap(), root.join(name).join("_manifests"));
            assert_eq!(self.tags(&repository, limit).await, tags_in(&directory), "tags of {name} after {event:?}");
            let referrers = self.referrers_in(&directory);
            assert_eq!(self.referrers(&repository).await, referrers, "referrers in {name} after {event:?}");
        }
    }

    fn referrers_in(&self, manifests: &Path) -> Vec<Digest> {
        let mut found = BTreeSet::new();
        for hex in names(&manifests.join("revisions/sha256")) {
            let digest: Digest = format!("sha256:{hex}").parse().unwrap();
            let link = fs::read_to_string(manifests.join("revisions/sha256").join(hex).join("link"));
            let content = fs::read(self.blob(&digest).join("data"));
            if let (Ok(link), Ok(content)) = (link, content)
                && link == digest.to_string()
                && serde_json::from_slice::<Value>(&content).unwrap()["subject"]["digest"] == json!(subject())
            {
                found.insert(digest);
            }
        }
        found.into_iter().collect()
    }
}

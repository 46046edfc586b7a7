//! Lists of every kind, compared with what a plain walk over the tree tells, while the registry and others change it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    oci::{Algorithm, Digest, Reference, Repository},
    registry::{
        Registry,
        catalog::{Everything, Visibility},
        manifests::Push,
        tags,
    },
    storage::filesystem::Filesystem,
};

/// Longer than a file system for tests takes to tell two changes apart.
const MOMENT: Duration = Duration::from_millis(20);

const REPOSITORIES: [&str; 7] = ["a", "a-b", "a/b", "a/b/c", "a.b/c", "b", "b/0"];
const TAGS: [&str; 5] = ["latest", "1", "1.0", "1-0", "A"];
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One of a few manifests: the even ones refer to a subject.
fn manifest(number: u8) -> String {
    let mut document = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": { "number": number.to_string() },
    });
    if number.is_multiple_of(2) {
        document["subject"] = json!({ "mediaType": OCI_INDEX, "digest": subject(), "size": 1 });
    }
    document.to_string()
}

fn subject() -> Digest {
    sha256("subject")
}

fn sha256(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

/// What happens to a registry. Numbers stand for repositories, tags and manifests.
#[derive(Debug, Clone)]
enum Event {
    Push {
        repository: usize,
        tag: usize,
        manifest: u8,
    },
    DeleteManifest {
        repository: usize,
        manifest: u8,
    },
    DeleteTag {
        repository: usize,
        tag: usize,
    },
    /// The reference stores a manifest; its tag is not set yet.
    Store {
        repository: usize,
        manifest: u8,
    },
    /// The reference deletes a manifest: its directory stays.
    Unlink {
        repository: usize,
        manifest: u8,
    },
    /// The reference's garbage collection removes content that no repository holds.
    Collect {
        manifest: u8,
    },
    /// A person copies the tag `latest` to another.
    CopyTag {
        repository: usize,
        tag: usize,
    },
    /// A crash leaves the link of a tag empty.
    TearTag {
        repository: usize,
        tag: usize,
    },
    Remove {
        repository: usize,
    },
    Move {
        from: usize,
        to: usize,
    },
    /// A person keeps a repository elsewhere.
    Symlink {
        repository: usize,
    },
    /// The registry ends and is started again.
    Restart,
    /// So it is, and its index is torn or gone.
    RestartWithout {
        torn: bool,
    },
    Rest,
}

fn event() -> impl Strategy<Value = Event> {
    let (repository, tag, manifest) = (0..REPOSITORIES.len(), 0..TAGS.len(), 0..8_u8);
    prop_oneof![
        4 => (repository.clone(), tag.clone(), manifest.clone())
            .prop_map(|(repository, tag, manifest)| Event::Push { repository, tag, manifest }),
        1 => (repository.clone(), manifest.clone())
            .prop_map(|(repository, manifest)| Event::DeleteManifest { repository, manifest }),
        1 => (repository.clone(), tag.clone()).prop_map(|(repository, tag)| Event::DeleteTag { repository, tag }),
        2 => (repository.clone(), manifest.clone())
            .prop_map(|(repository, manifest)| Event::Store { repository, manifest }),
        1 => (repository.clone(), manifest.clone())
            .prop_map(|(repository, manifest)| Event::Unlink { repository, manifest }),
        1 => manifest.prop_map(|manifest| Event::Collect { manifest }),
        1 => (repository.clone(), tag.clone()).prop_map(|(repository, tag)| Event::CopyTag { repository, tag }),
        1 => (repository.clone(), tag).prop_map(|(repository, tag)| Event::TearTag { repository, tag }),
        1 => repository.clone().prop_map(|repository| Event::Remove { repository }),
        1 => (repository.clone(), repository.clone()).prop_map(|(from, to)| Event::Move { from, to }),
        1 => repository.prop_map(|repository| Event::Symlink { repository }),
        1 => Just(Event::Restart),
        1 => any::<bool>().prop_map(|torn| Event::RestartWithout { torn }),
        4 => Just(Event::Rest),
    ]
}

/// A registry on a directory that others change as well.
struct Yard {
    root: PathBuf,
    registry: Registry,
}

fn start(root: &Path) -> Registry {
    Registry::new(Filesystem::open_with_index(root, 2, MOMENT))
}

impl Yard {
    fn new(root: &Path) -> Self {
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
    async fn happen(&mut self, event: &Event) {
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
    async fn catalog(&self, limit: usize) -> Vec<String> {
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
    async fn check(&self, limit: usize, event: &Event) {
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

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = names(directory).into_iter().map(|name| directory.join(name));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every repository below `root`, through symbolic links as well, as deep as names go.
fn repositories(root: &Path) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![String::new()];
    while let Some(directory) = waiting.pop() {
        for name in names(&root.join(&directory)).into_iter().filter(|name| !name.starts_with('_')) {
            let name = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if name.parse::<Repository>().is_ok() {
                if root.join(&name).join("_manifests").is_dir() {
                    found.insert(name.clone());
                }
                waiting.push(name);
            }
        }
    }
    found.into_iter().collect()
}

fn tags_in(manifests: &Path) -> Vec<String> {
    let tags = manifests.join("tags");
    let set = |tag: &String| fs::metadata(tags.join(tag).join("current/link")).is_ok_and(|link| link.len() > 0);
    names(&tags).into_iter().filter(set).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn lists_are_what_a_plain_walk_tells_whoever_changes_the_tree(
        events in proptest::collection::vec(event(), 1..30),
        limit in 1..6_usize,
    ) {
        let root = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut yard = Yard::new(root.path());
            for event in events {
                yard.happen(&event).await;
                yard.check(limit, &event).await;
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_of_many_pushes_at_once_is_listed_as_soon_as_it_is_answered() {
    let root = tempfile::tempdir().unwrap();
    let registry = Arc::new(start(root.path()));
    let push = async |registry: &Registry, repository: &Repository, tag: &str, number: u8| {
        let reference = Reference::Tag(tag.parse().unwrap());
        let content = Bytes::from(manifest(number));
        let push = Push { reference, tags: Vec::new(), content_type: None, content };
        registry.put_manifest(repository, push).await.unwrap().digest
    };
    let pushes = (0..12_u8).map(|number| {
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            let (own, shared) = (format!("r{number}").parse().unwrap(), "shared".parse().unwrap());
            push(&registry, &own, "v1", number).await;
            assert!(registry.catalog(None, 100, &Everything).await.unwrap().names.contains(&format!("r{number}")));
            let digest = push(&registry, &shared, &format!("t{number}"), number).await;
            assert!(registry.tags(&shared, None, None).await.unwrap().names.contains(&format!("t{number}")));
            if number.is_multiple_of(2) {
                let found = registry.referrers(&shared, &subject(), None, None).await.unwrap();
                assert!(found.descriptors.iter().any(|descriptor| descriptor.digest == digest));
            }
        })
    });
    for pushed in futures::future::join_all(pushes).await {
        pushed.unwrap();
    }
}

#[tokio::test]
async fn a_tree_made_endless_by_links_has_an_end() {
    let root = tempfile::tempdir().unwrap();
    let repositories_directory = root.path().join("docker/registry/v2/repositories");
    fs::create_dir_all(repositories_directory.join("a/_manifests")).unwrap();
    std::os::unix::fs::symlink("..", repositories_directory.join("a/up")).unwrap();
    let yard = Yard::new(root.path());
    let listed = yard.catalog(7).await;
    assert_eq!(listed[..3], ["a", "a/up/a", "a/up/a/up/a"]);
    assert_eq!(listed, repositories(&repositories_directory));
}

/// What the first page of each list costs, once the last change is old.
async fn cost_of_first_pages(count: usize) -> [[u64; 3]; 2] {
    let root = tempfile::tempdir().unwrap();
    let repositories = root.path().join("docker/registry/v2/repositories");
    for index in 0..count {
        fs::create_dir_all(repositories.join(format!("r{index:06}/_manifests"))).unwrap();
        let tag = repositories.join(format!("r000000/_manifests/tags/t{index:06}/current"));
        fs::create_dir_all(&tag).unwrap();
        fs::write(tag.join("link"), subject().to_string()).unwrap();
    }
    let store = Filesystem::open_with_index(root.path(), 64, MOMENT);
    let registry = Registry::new(store.clone());
    let repository = "r000000".parse().unwrap();
    let mut costs = [[0; 3]; 2];
    for _ in 0..3 {
        let mut before = store.effort();
        assert_eq!(registry.catalog(None, 50, &Everything).await.unwrap().names.len(), 50);
        let mut after = store.effort();
        costs[0] = std::array::from_fn(|index| after[index] - before[index]);
        before = after;
        assert_eq!(registry.tags(&repository, None, Some(50)).await.unwrap().names.len(), 50);
        after = store.effort();
        costs[1] = std::array::from_fn(|index| after[index] - before[index]);
        tokio::time::sleep(MOMENT).await;
    }
    costs
}

#[tokio::test]
async fn a_first_page_costs_the_same_in_a_small_registry_and_a_large_one() {
    let [catalog, tags] = cost_of_first_pages(100).await;
    assert_eq!(cost_of_first_pages(1000).await, [catalog, tags]);
    // The directory above and those of 51 repositories are listed; 51 tags are looked up.
    assert_eq!((catalog[0], catalog[2]), (52, 0));
    assert_eq!(tags, [1, 0, 51]);
}

/// One repository among many, of which the others are nobody's business.
struct OnlyTheLast;

impl Visibility for OnlyTheLast {
    fn shows(&self, repository: &Repository) -> bool {
        repository.as_str() == "r199"
    }

    fn shows_below(&self, _: &str) -> bool {
        false
    }
}

#[tokio::test]
async fn where_nothing_may_be_seen_nothing_is_looked_at() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..200 {
        let repository = root.path().join(format!("docker/registry/v2/repositories/r{number:03}"));
        fs::create_dir_all(repository.join("_manifests")).unwrap();
    }
    let store = Filesystem::open_with_index(root.path(), 64, MOMENT);
    let page = Registry::new(store.clone()).catalog(None, 10, &OnlyTheLast).await.unwrap();
    assert_eq!(page.names, ["r199"]);
    assert_eq!(store.effort()[0], 2, "the directory above, and that of the repository");
}

//! Tests of lists of every kind, compared with what a plain walk over the tree tells, while the registry and others change it.

use std::{fs, sync::Arc};

use bytes::Bytes;
use proptest::prelude::*;

mod event;
mod walk;
mod yard;

use self::{
    event::event,
    walk::repositories,
    yard::{MOMENT, Yard, manifest, start, subject},
};
use crate::{
    oci::{Reference, Repository},
    registry::{
        Registry,
        catalog::{Everything, Visibility},
        manifests::Push,
    },
    storage::filesystem::Filesystem,
};

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
        // A directory is remembered once its last change is this old: age is what is tested.
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

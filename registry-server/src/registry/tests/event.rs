//! For tests: what a registry, the reference and people do to a tree, chosen at random.

use proptest::prelude::*;

pub(super) const REPOSITORIES: [&str; 7] = ["a", "a-b", "a/b", "a/b/c", "a.b/c", "b", "b/0"];
pub(super) const TAGS: [&str; 5] = ["latest", "1", "1.0", "1-0", "A"];

/// What happens to a registry. Numbers stand for repositories, tags and manifests.
#[derive(Debug, Clone)]
pub(super) enum Event {
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

pub(super) fn event() -> impl Strategy<Value = Event> {
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

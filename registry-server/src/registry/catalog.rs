//! The repositories there are, in the order of their full names.
//!
//! Directories nest as names do, but their order is not the names': `a-b` comes before `a/b`, because `-` sorts before
//! `/`, while a walk of the tree would meet `a/b` inside `a` first.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    oci::{Repository, repository},
    registry::{Registry, tags::Page},
    storage::{self, Listing, layout},
};

/// Most directories read in one step.
const BATCH: usize = 256;

impl Registry {
    /// At most `limit` repositories after `after`, of those that `wanted` accepts.
    ///
    /// # Errors
    /// The store's.
    pub async fn catalog(
        &self,
        after: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Repository) -> bool,
    ) -> Result<Page, storage::Error> {
        let mut names = Vec::new();
        let mut walk = self.walk(&[layout::MANIFESTS], after);
        // A small page need not read ahead far.
        walk.batch = limit.saturating_add(1).min(BATCH);
        while names.len() <= limit {
            match walk.next().await? {
                Some(repository) if wanted(&repository) => names.push(repository.as_str().to_owned()),
                Some(_) => {}
                None => break,
            }
        }
        Ok(Page::cut(names, limit))
    }

    /// Every repository whose directory holds one of `markers`, in order, after `after`.
    pub(super) fn walk<'a>(&'a self, markers: &'static [&'static str], after: Option<&str>) -> Walk<'a> {
        let waiting = BinaryHeap::from([Reverse(Waiting { order: String::new(), step: Step::Top })]);
        Walk { registry: self, markers, after: after.map(str::to_owned), waiting, batch: BATCH }
    }
}

/// A walk over repositories, in byte order of their full names. Holds the names of the directories beside its way.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    registry: &'a Registry,
    markers: &'static [&'static str],
    after: Option<String>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// How many directories are read in one step.
    batch: usize,
}

/// Something to be done when its turn comes: directory `a` has its turn at `a`, what is below it at `a/`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    order: String,
    step: Step,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The directory above all repositories.
    Top,
    /// A directory that was not read yet.
    Directory,
    /// A directory that was.
    Read { is_repository: bool, children: Vec<String> },
    /// The directories below one.
    Below(Vec<String>),
}

impl Walk<'_> {
    /// The next repository.
    pub(super) async fn next(&mut self) -> Result<Option<Repository>, storage::Error> {
        while let Some(Reverse(Waiting { order, step })) = self.waiting.pop() {
            match step {
                Step::Top => {
                    let names = self.registry.store.list(&layout::repositories(None), Listing::ALL).await?;
                    self.descend("", names);
                }
                Step::Directory => self.read(order).await?,
                Step::Read { is_repository, children } => {
                    if !children.is_empty() {
                        self.wait(format!("{order}/"), Step::Below(children));
                    }
                    let wanted = is_repository && self.after.as_deref().is_none_or(|after| order.as_str() > after);
                    if wanted && let Ok(repository) = order.parse() {
                        return Ok(Some(repository));
                    }
                }
                Step::Below(children) => self.descend(&order, children),
            }
        }
        Ok(None)
    }

    /// Reads a directory, and with it those whose turn comes next.
    async fn read(&mut self, first: String) -> Result<(), storage::Error> {
        let mut names = vec![first];
        while names.len() < self.batch
            && let Some(Reverse(Waiting { step: Step::Directory, .. })) = self.waiting.peek()
            && let Some(Reverse(next)) = self.waiting.pop()
        {
            names.push(next.order);
        }
        let directories = names.iter().map(|name| layout::repositories(Some(name))).collect();
        let contents = self.registry.store.list_many(directories, Listing::ALL).await?;
        for (order, mut children) in names.into_iter().zip(contents) {
            let is_repository = children.iter().any(|entry| self.markers.contains(&&**entry));
            children.retain(|entry| repository::is_component(entry));
            self.waiting.push(Reverse(Waiting { order, step: Step::Read { is_repository, children } }));
        }
        Ok(())
    }

    fn descend(&mut self, prefix: &str, children: Vec<String>) {
        for child in children.into_iter().filter(|child| repository::is_component(child)) {
            self.wait(format!("{prefix}{child}"), Step::Directory);
        }
    }

    /// Queues a step, unless everything it can lead to was listed before.
    fn wait(&mut self, order: String, step: Step) {
        let passed = self.after.as_deref().is_some_and(|after| {
            let last = if order.ends_with('/') { order.clone() } else { format!("{order}/") };
            last.as_str() <= after && !after.starts_with(&last)
        });
        if !passed {
            self.waiting.push(Reverse(Waiting { order, step }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storage::{Durability, Store, memory::Memory};

    async fn registry(names: &[&str]) -> Registry {
        let store = Memory::default();
        for name in names {
            let digest = crate::oci::Digest::of(crate::oci::Algorithm::Sha256, name.as_bytes());
            let key = layout::revision_link(&name.parse().unwrap(), &digest);
            store.put(&key, layout::link(&digest), Durability::Volatile).await.unwrap();
        }
        Registry::new(store)
    }

    async fn all_pages(registry: &Registry, limit: usize) -> Vec<String> {
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let page = registry.catalog(last.as_deref(), limit, |_| true).await.unwrap();
            all.extend(page.names);
            last = all.last().cloned();
            if !page.more {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn names_that_begin_alike_come_in_byte_order_on_every_page_size() {
        let sorted = ["a", "a-b", "a-b/c", "a.b", "a/b", "a/b-c", "a/b/c", "a0", "b/c/d"];
        let registry = registry(&sorted).await;
        for limit in 1..=10 {
            assert_eq!(all_pages(&registry, limit).await, sorted, "pages of {limit}");
        }
    }

    #[tokio::test]
    async fn only_wanted_repositories_fill_a_page() {
        let registry = registry(&["a/x", "a/y", "b/x", "b/y"]).await;
        let page = registry.catalog(None, 1, |name| name.as_str().ends_with('y')).await.unwrap();
        assert_eq!(page, Page { names: vec!["a/y".to_owned()], more: true });
        let page = registry.catalog(Some("a/y"), 1, |name| name.as_str().ends_with('y')).await.unwrap();
        assert_eq!(page, Page { names: vec!["b/y".to_owned()], more: false });
    }

    proptest! {
        #[test]
        fn any_tree_is_listed_sorted_and_whole(
            names in proptest::collection::btree_set("[ab0](-[ab]|\\.[ab])?(/[ab0](-[ab])?){0,2}", 0..12),
            limit in 1_usize..5,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let sorted: Vec<&str> = names.iter().map(String::as_str).collect();
            let listed = runtime.block_on(async { all_pages(&registry(&sorted).await, limit).await });
            prop_assert_eq!(listed, sorted);
        }
    }
}

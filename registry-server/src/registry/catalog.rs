//! The repositories there are, in the order of their full names.
//!
//! There is no list of repositories that could be wrong: each page is a walk over the directories that can hold its names,
//! begun at its place in the order. What makes that cheap is the store, which lists a part of a large directory without
//! looking at the rest of it. So a page costs what it is long, whatever the number of repositories before and after it.
//!
//! Directories nest as names do, but their order is not the names': `a-b` comes before `a/b`, because `-` sorts before
//! `/`, while a plain walk of the tree would meet `a/b` inside `a` first.

use crate::{
    oci::Repository,
    registry::{Registry, tags::Page},
    storage::{self, layout},
};

mod walk;

pub(super) use walk::Walk;

/// Most directories read in one step.
const BATCH: usize = 256;

/// Which repositories a list is about.
pub trait Visibility: Sync {
    /// Whether `repository` belongs to it.
    fn shows(&self, repository: &Repository) -> bool;

    /// Whether any repository whose name begins with `prefix`, which ends in `/`, can belong to it. Saves looking.
    fn shows_below(&self, prefix: &str) -> bool;
}

/// Every repository.
#[derive(Debug, Clone, Copy)]
pub struct Everything;

impl Visibility for Everything {
    fn shows(&self, _: &Repository) -> bool {
        true
    }

    fn shows_below(&self, _: &str) -> bool {
        true
    }
}

impl Registry {
    /// At most `limit` repositories after `after`, of those that are `visible`.
    ///
    /// # Errors
    /// The store's.
    pub async fn catalog(
        &self,
        after: Option<&str>,
        limit: usize,
        visible: &dyn Visibility,
    ) -> Result<Page, storage::Error> {
        let mut names = Vec::new();
        // A small page need not read ahead far.
        let batch = limit.saturating_add(1).min(BATCH);
        let mut walk = Walk::new(&*self.store, &[layout::MANIFESTS], after, visible, batch);
        while names.len() <= limit {
            match walk.next().await? {
                Some(repository) => names.push(repository.as_str().to_owned()),
                None => break,
            }
        }
        Ok(Page::cut(names, limit))
    }

    /// Every repository whose directory holds one of `markers`, in order.
    pub(super) fn walk(&self, markers: &'static [&'static str]) -> Walk<'_> {
        Walk::new(&*self.store, markers, None, &Everything, BATCH)
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
            let page = registry.catalog(last.as_deref(), limit, &Everything).await.unwrap();
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

    /// The repositories that end in `y`, none of them below `hidden/`.
    struct EndingInY;

    impl Visibility for EndingInY {
        fn shows(&self, repository: &Repository) -> bool {
            repository.as_str().ends_with('y')
        }

        fn shows_below(&self, prefix: &str) -> bool {
            prefix != "hidden/"
        }
    }

    #[tokio::test]
    async fn only_visible_repositories_fill_a_page() {
        let registry = registry(&["a/x", "a/y", "b/x", "b/y", "hidden/x"]).await;
        let page = registry.catalog(None, 1, &EndingInY).await.unwrap();
        assert_eq!(page, Page { names: vec!["a/y".to_owned()], more: true });
        let page = registry.catalog(Some("a/y"), 1, &EndingInY).await.unwrap();
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

        #[test]
        fn a_page_may_begin_anywhere(
            names in proptest::collection::btree_set("[ab0](-[ab]|\\.[ab])?(/[ab0](-[ab])?){0,2}", 0..12),
            after in "[ab0]?[ab0/.%-]{0,5}|\\PC{0,5}",
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let sorted: Vec<&str> = names.iter().map(String::as_str).collect();
            let later: Vec<&str> = sorted.iter().copied().filter(|name| *name > after.as_str()).collect();
            let page = runtime.block_on(async {
                registry(&sorted).await.catalog(Some(&after), 100, &Everything).await.unwrap()
            });
            prop_assert_eq!(page.names, later);
        }
    }
}

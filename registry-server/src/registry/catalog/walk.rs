//! A walk over repositories, in byte order of their full names, from any place in that order.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::Visibility;
use crate::{
    oci::{Repository, repository},
    storage::{self, Listing, Store, layout},
};

/// How many of the names in a directory are asked for at first, as most hold few ...
const FIRST: usize = 256;

/// ... and at most, when it turns out to hold many.
const MOST: usize = 1024;

/// A walk. Holds the names of the directories beside its way, a part at a time.
pub(in crate::registry) struct Walk<'a> {
    store: &'a dyn Store,
    markers: &'static [&'static str],
    after: Option<String>,
    visible: &'a dyn Visibility,
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// How many directories are read in one step.
    batch: usize,
}

/// Something to be done when its turn comes: directory `a` has its turn at `a`, what is below it at `a/` and what follows.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    order: String,
    step: Step,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A directory that was not read yet; without a name, that of all repositories.
    Directory,
    /// A directory that was.
    Read { is_repository: bool, below: Children },
    /// The directories below one.
    Below(Children),
}

/// The directories below one whose turn is still to come.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Children {
    /// What their full names begin with: nothing, or what ends in `/`.
    prefix: String,
    names: VecDeque<String>,
    /// The name after which the store may have more.
    rest: Option<String>,
}

impl Children {
    fn new(prefix: String, listed: Vec<String>, limit: usize) -> Self {
        let rest = listed.last().filter(|_| listed.len() >= limit).cloned();
        let names = listed.into_iter().filter(|name| repository::is_component(name)).collect();
        Self { prefix, names, rest }
    }

    /// Where the next of them is in the order, or a place before it; `None` when there are no more.
    fn order(&self) -> Option<String> {
        self.names.front().or(self.rest.as_ref()).map(|name| format!("{}{name}", self.prefix))
    }
}

impl<'a> Walk<'a> {
    /// A walk over the `visible` repositories after `after` whose directory holds one of `markers`.
    pub(super) fn new(
        store: &'a dyn Store,
        markers: &'static [&'static str],
        after: Option<&str>,
        visible: &'a dyn Visibility,
        batch: usize,
    ) -> Self {
        let waiting = BinaryHeap::from([Reverse(Waiting { order: String::new(), step: Step::Directory })]);
        Self { store, markers, after: after.map(str::to_owned), visible, waiting, batch }
    }

    /// The next repository.
    pub(in crate::registry) async fn next(&mut self) -> Result<Option<Repository>, storage::Error> {
        while let Some(Reverse(Waiting { order, step })) = self.waiting.pop() {
            match step {
                Step::Directory => self.read(vec![order]).await?,
                Step::Below(children) => self.advance(children).await?,
                Step::Read { is_repository, below } => {
                    self.wait_for(below);
                    if is_repository
                        && let Ok(repository) = order.parse()
                        && self.visible.shows(&repository)
                    {
                        return Ok(Some(repository));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Reads some of the directories below one.
    async fn advance(&mut self, mut children: Children) -> Result<(), storage::Error> {
        if children.names.is_empty() {
            let directory = layout::repositories(children.prefix.strip_suffix('/'));
            let listing = Listing { after: children.rest, limit: MOST, having: None };
            children = Children::new(children.prefix, self.store.list(&directory, listing).await?, MOST);
        }
        let mut directories = Vec::new();
        while directories.len() < self.batch
            && let Some(name) = children.names.pop_front()
        {
            directories.extend(self.of_interest(format!("{}{name}", children.prefix)));
        }
        self.wait_for(children);
        if directories.is_empty() { Ok(()) } else { self.read(directories).await }
    }

    /// `directory`, unless nothing in it belongs to this walk. A name that is too long is none: symbolic links can make a
    /// tree endless.
    fn of_interest(&self, directory: String) -> Option<String> {
        let repository: Repository = directory.parse().ok()?;
        let prefix = below(&directory);
        let passed = |after: &String| prefix <= *after && !after.starts_with(&prefix);
        let visible = self.visible.shows(&repository) || self.visible.shows_below(&prefix);
        (visible && !self.after.as_ref().is_some_and(passed)).then_some(directory)
    }

    /// Reads directories.
    async fn read(&mut self, directories: Vec<String>) -> Result<(), storage::Error> {
        let listing = |name: &String| {
            let after = self.way_through(name).map(str::to_owned);
            (key(name), Listing { after, limit: FIRST, having: None })
        };
        let contents = self.store.list_many(directories.iter().map(listing).collect()).await?;
        for (order, listed) in directories.into_iter().zip(contents) {
            let is_repository = self.is_repository(&order, &listed).await?;
            self.wait_for_those_passed_over(&order);
            let below = Children::new(below(&order), listed, FIRST);
            self.waiting.push(Reverse(Waiting { order, step: Step::Read { is_repository, below } }));
        }
        Ok(())
    }

    /// Whether a directory that holds the names `listed`, and more if they are many, is a repository to be shown.
    async fn is_repository(&self, directory: &str, listed: &[String]) -> Result<bool, storage::Error> {
        if directory.is_empty() || self.after.as_deref().is_some_and(|after| directory <= after) {
            return Ok(false);
        }
        if listed.len() < FIRST || listed.iter().any(|name| self.markers.contains(&&**name)) {
            return Ok(listed.iter().any(|name| self.markers.contains(&&**name)));
        }
        let markers = self.markers.iter().map(|marker| layout::part(directory, marker)).collect();
        Ok(self.store.metadata_many(markers).await?.iter().any(Option::is_some))
    }

    /// The component of `after` below `directory`, if the place at which the walk begins is there.
    fn way_through(&self, directory: &str) -> Option<&str> {
        let rest = self.after.as_deref()?.strip_prefix(&below(directory))?;
        rest.split('/').next().filter(|component| !component.is_empty())
    }

    /// Queues what is below `directory`, not greater than the component at which listing it begins, and yet not passed:
    /// that component itself, and after `a-b` also `a`, as `a/` follows `a-b` and even `a%`.
    fn wait_for_those_passed_over(&mut self, directory: &str) {
        let Some(component) = self.way_through(directory) else { return };
        // What a client says is no name as a rule, and may be long.
        let sorts_before_slash = |character: char| character < '/';
        let shorter = component.match_indices(sorts_before_slash).map(|(end, _)| &component[..end]);
        let shorter = shorter.take_while(|name| name.len() <= repository::LONGEST);
        let names = shorter.chain([component]).map(|name| format!("{}{name}", below(directory)));
        let queued: Vec<String> = names.filter_map(|name| self.of_interest(name)).collect();
        self.waiting.extend(queued.into_iter().map(|order| Reverse(Waiting { order, step: Step::Directory })));
    }

    fn wait_for(&mut self, children: Children) {
        if let Some(order) = children.order() {
            self.waiting.push(Reverse(Waiting { order, step: Step::Below(children) }));
        }
    }
}

/// What the names below a directory begin with.
fn below(directory: &str) -> String {
    if directory.is_empty() { String::new() } else { format!("{directory}/") }
}

fn key(directory: &str) -> storage::Key {
    layout::repositories(Some(directory).filter(|name| !name.is_empty()))
}

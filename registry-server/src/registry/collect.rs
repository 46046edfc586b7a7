//! Garbage collection: removes what no manifest names, beside requests that go on.
//!
//! First everything is looked at and a [`Plan`] is made, which changes nothing: which manifests go (only untagged ones, and
//! only when asked to), which links of repositories no manifest of theirs names, which content nothing names at all, which
//! repositories are empty then. Then the plan is carried out in an order in which a crash does no harm: manifests, links,
//! content. What requests have touched since the beginning is left for the next time; see
//! [`claims`](crate::registry::claims) for how the two are kept apart.
//!
//! Memory: an entry of about 100 bytes for each content that manifests name, some of 66 for each that is to go and for each
//! link to it, and what the manifests of one repository at a time name. For 100,000 blobs of which half are to go that is
//! 32 MiB (`examples/collect.rs`).

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

mod graph;
mod marks;
mod plan;
mod references;
mod repository;
mod sweep;

use self::plan::Plan;
use crate::{registry::Registry, storage};

/// How long content that no manifest names yet is kept after it was uploaded, mounted or confirmed, unless told otherwise.
pub const GRACE: Duration = Duration::from_secs(60 * 60);

/// What a collection is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Change nothing.
    pub dry_run: bool,
    /// Remove manifests that no tag leads to.
    pub delete_untagged: bool,
    /// Tell of problems alone.
    pub quiet: bool,
    /// How long what no manifest names yet is kept.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { dry_run: false, delete_untagged: false, quiet: false, grace: GRACE }
    }
}

/// Something that a collection tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What it does.
    Progress(String),
    /// What its owner should look after. The collection goes on.
    Problem(String),
}

/// What a collection did, or would have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Manifests removed.
    pub manifests: u64,
    /// Links of repositories to blobs removed.
    pub links: u64,
    /// Blobs removed, manifests' content among them.
    pub blobs: u64,
    /// Bytes they had.
    pub bytes: u64,
    /// Repositories removed because nothing was left in them.
    pub repositories: u64,
    /// What would have gone but for clients that are about to use it.
    pub kept: u64,
    /// Damaged or missing things found.
    pub problems: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { manifests, links, blobs, bytes, repositories, kept, problems } = self;
        write!(
            formatter,
            "{blobs} blobs ({bytes} bytes), {manifests} manifests, {links} layer links and {repositories} repositories; \
             {kept} blobs and manifests kept because they were uploaded or confirmed lately; {problems} problems"
        )
    }
}

/// Why a collection did not come to its end. What it removed before was garbage.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another one is running.
    #[error("another garbage collection is running: wait for its end")]
    Running,
    /// Nobody wants to know any more.
    #[error("the garbage collection was stopped")]
    Stopped,
    /// More goes on beside it than can be followed.
    #[error("too much was pushed meanwhile to tell what is garbage: run it again when there is less to do")]
    TooBusy,
    /// Another process could be using what is removed.
    #[error(
        "another server has opened the storage directory: nothing more is removed; run it again when one server is left"
    )]
    NotAlone,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl Registry {
    /// Removes what nothing needs, and tells `lines` about it in the reference's words. Requests may go on meanwhile.
    /// Dropping the receiver stops it at the next step.
    ///
    /// # Errors
    /// [`Error::Running`], [`Error::Stopped`], [`Error::TooBusy`], [`Error::NotAlone`], or the store's.
    pub async fn collect(&self, options: Options, lines: mpsc::Sender<Line>) -> Result<Summary, Error> {
        let watch = self.claims.watch().ok_or(Error::Running)?;
        let began = SystemTime::now();
        let output = Output { lines, quiet: options.quiet };
        let mut plan = Plan::make(self, options, began, &output).await?;
        plan.announce(&output).await?;
        let mut summary = plan.summary();
        if options.dry_run {
            output.line(|| format!("\nnothing was changed; without --dry-run would go: {summary}")).await?;
            return Ok(summary);
        }
        let sweep = sweep::Sweep { registry: self, options, began, watch: &watch, output: &output };
        sweep.carry_out(&mut plan, &mut summary).await?;
        output.line(|| format!("\nremoved: {summary}")).await?;
        Ok(summary)
    }
}

/// Where a collection tells what it does.
#[derive(Debug)]
struct Output {
    lines: mpsc::Sender<Line>,
    quiet: bool,
}

impl Output {
    /// Tells what is done. Fails when nobody listens, also when there is nothing to be told.
    async fn line(&self, text: impl FnOnce() -> String) -> Result<(), Error> {
        if self.quiet {
            return if self.lines.is_closed() { Err(Error::Stopped) } else { Ok(()) };
        }
        self.lines.send(Line::Progress(text())).await.map_err(|_| Error::Stopped)
    }

    async fn problem(&self, text: String) -> Result<(), Error> {
        self.lines.send(Line::Problem(text)).await.map_err(|_| Error::Stopped)
    }
}

//! `registry garbage-collect`: removes what no manifest names. Beside a running server it is that server which does it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use tokio::sync::mpsc;

use crate::{
    config::{self, Driver, Source},
    control,
    registry::{
        Registry,
        collect::{Line, Options, Summary},
    },
    storage::filesystem::{self, Filesystem, Lock},
};

/// Lines told ahead of a slow terminal.
const AHEAD: usize = 256;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Tell what would be removed, and remove nothing.
    #[arg(short, long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    dry_run: bool,
    /// Remove manifests that no tag leads to, by way of indexes and referrers too.
    #[arg(short = 'm', long, value_parser = boolean, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value = "false", hide_default_value = true, value_name = "BOOL")]
    delete_untagged: bool,
    /// Tell of problems alone.
    #[arg(short, long, value_parser = boolean, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, value_name = "BOOL")]
    quiet: bool,
    /// How long what no manifest names yet is kept after it was uploaded, mounted or asked for with HEAD.
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    grace: registry_config::Duration,
    /// The configuration of the server. Default: `REGISTRY_CONFIGURATION_PATH`, else the image's.
    #[arg(value_name = "CONFIG")]
    configuration: Option<PathBuf>,
}

/// A truth value as Go's flags take one.
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("it has to be true or false".to_owned()),
    }
}

/// # Errors
/// When the storage cannot be used, or the collection does not come to its end.
pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let Args { dry_run, delete_untagged, quiet, grace, configuration } = args;
    let options = Options { dry_run, delete_untagged, quiet, grace: grace.0 };
    let source = super::server_source(configuration);
    let settings = config::load(&source, super::environment())?.settings;
    match settings.storage.driver {
        Driver::Memory => {
            println("storage is inmemory and goes with its server: there is nothing to collect", quiet)?;
            Ok(())
        }
        Driver::Filesystem(root) => {
            collect(&root, options, &source).context("failed to garbage collect")?;
            Ok(())
        }
    }
}

fn println(text: &str, quiet: bool) -> io::Result<()> {
    if quiet { Ok(()) } else { writeln!(io::stdout(), "{text}") }
}

/// Collects in this process if it can have the directory to itself, else in the server's.
fn collect(root: &Path, options: Options, source: &Source) -> anyhow::Result<Summary> {
    if !root.is_dir() {
        bail!("there is no storage directory {} ({source:?})", root.display());
    }
    let (filesystem, lock) = open(root, options.dry_run)?;
    collect_in(filesystem, lock, options)
}

/// Without the lock it is a server's turn, if one can be asked.
fn collect_in(filesystem: Filesystem, lock: Lock, options: Options) -> anyhow::Result<Summary> {
    if lock == Lock::Held {
        return collect_here(Registry::new(filesystem), options);
    }
    match control::collect(filesystem.path(), options, tell) {
        Err(control::Error::Unreachable(error)) if lock == Lock::Elsewhere => Err(error).context(
            "another process uses the storage directory and cannot be asked: stop it first, or run this where it runs \
             (docker exec)",
        ),
        Err(control::Error::Unreachable(_)) if options.dry_run => {
            let text = "the file system has no locks: whether a server is writing to it cannot be told";
            tell(Line::Problem(text.to_owned()))?;
            collect_here(Registry::new(filesystem), options)
        }
        Err(control::Error::Unreachable(error)) => Err(error).context(
            "the file system of the storage directory has no locks, so whether a server is writing to it cannot be told, \
             and nothing was removed: start the server and run this where it runs (docker exec), then it is the server \
             that collects",
        ),
        result => Ok(result?),
    }
}

/// The directory, read-only where only that is possible and enough.
fn open(root: &Path, dry_run: bool) -> anyhow::Result<(Filesystem, Lock)> {
    let open = |read_only| Filesystem::open(root.to_owned(), filesystem::Options { read_only });
    let filesystem = match open(false) {
        Err(filesystem::OpenError::NotWritable { .. }) if dry_run => open(true)?,
        opened => opened?,
    };
    let lock = filesystem.lock();
    Ok((filesystem, lock))
}

fn collect_here(registry: Registry, options: Options) -> anyhow::Result<Summary> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start threads")?;
    let (lines, told) = mpsc::channel(AHEAD);
    runtime.block_on(async {
        let (summary, told) = tokio::join!(registry.collect(options, lines), tell_all(told));
        told.context("failed to print")?;
        Ok(summary?)
    })
}

/// Prints until the end, or until that fails, which stops the collection.
async fn tell_all(mut told: mpsc::Receiver<Line>) -> io::Result<()> {
    while let Some(line) = told.recv().await {
        tell(line)?;
    }
    Ok(())
}

/// Prints where the reference does.
fn tell(line: Line) -> io::Result<()> {
    match line {
        Line::Progress(text) => writeln!(io::stdout(), "{text}"),
        Line::Problem(text) => writeln!(io::stderr(), "warning: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    #[test]
    fn without_locks_and_a_server_to_be_asked_nothing_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let garbage = root.path().join(format!("docker/registry/v2/blobs/sha256/ba/{hex}/data"));
        fs::create_dir_all(garbage.parent().unwrap()).unwrap();
        fs::write(&garbage, "abc").unwrap();
        let collect = |lock, dry_run| {
            let (filesystem, _) = open(root.path(), false).unwrap();
            collect_in(filesystem, lock, Options { grace: Duration::ZERO, dry_run, ..Options::default() })
        };
        let refused = collect(Lock::Impossible, false).unwrap_err();
        assert!(refused.to_string().contains("no locks") && refused.to_string().contains("docker exec"), "{refused:#}");
        assert_eq!(collect(Lock::Impossible, true).unwrap().blobs, 1);
        assert!(garbage.exists());
        assert_eq!(collect(Lock::Held, false).unwrap().blobs, 1);
        assert!(!garbage.exists());
    }
}

//! From what should be there and what is to single steps. Pure: the same for a directory of a test and for that of a node.
//!
//! A directory is ours when the file [`MARKER`] in it says so. One that is not is never in a step, whatever its name.

use std::collections::BTreeMap;

use super::{
    Owner,
    layout::{Directory, FILES, File},
};

/// In each directory of ours: whose it is. It comes with the directory and goes as the last.
pub(super) const MARKER: &str = ".private-registry-operator";

/// A directory that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Ours, with those of our files that are in it; `None` is what is no readable file.
    Ours(BTreeMap<&'static str, Option<Vec<u8>>>),
    /// Somebody else's, perhaps of an operator in another namespace.
    Others(Option<Owner>),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A directory appears with all its files at once.
    Create { name: &'a str, files: &'a [File] },
    /// A file takes the place of the one that is there.
    Write { name: &'a str, file: &'a File },
    /// A file of a directory that stays goes.
    Delete { name: &'a str, file: &'static str },
    /// Our files go, and the directory if nobody has put anything else into it.
    Remove { name: &'a str },
}

impl<'a> Step<'a> {
    /// The directory that it is about.
    pub(super) const fn name(&self) -> &'a str {
        match self {
            Self::Create { name, .. }
            | Self::Write { name, .. }
            | Self::Delete { name, .. }
            | Self::Remove { name } => name,
        }
    }
}

/// Why a directory is left alone, or of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// A person's, or another program's.
    #[error("the directory exists and is not ours: delete it, or rename it")]
    Taken,
    /// Another operator's.
    #[error("the directory is kept by the operator in namespace {0}: delete it if there is none any more")]
    Kept(String),
    /// The runtime looks there first.
    #[error("the directory {0} beside it, which is not ours, is read in its place: delete it, or rename it")]
    Shadowed(String),
}

impl Refusal {
    /// For programs.
    #[must_use]
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Taken | Self::Kept(_) => "DirectoryTaken",
            Self::Shadowed(_) => "DirectoryShadowed",
        }
    }
}

/// What is to be done, in order, and what cannot be.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) steps: Vec<Step<'a>>,
    pub(super) refused: BTreeMap<&'a str, Refusal>,
}

/// The steps from `found` to `desired`. What goes comes first: a disk that is full may have room then.
pub(super) fn plan<'a>(desired: &'a BTreeMap<String, Directory>, found: &'a BTreeMap<String, Found>) -> Plan<'a> {
    let mut plan = Plan::default();
    for (name, found) in found {
        if matches!(found, Found::Ours(_)) && !desired.contains_key(name) {
            plan.steps.push(Step::Remove { name });
        }
    }
    for (name, directory) in desired {
        match found.get(name) {
            None => plan.steps.push(Step::Create { name, files: &directory.files }),
            Some(Found::Ours(files)) => plan.steps.extend(changes(name, directory, files)),
            Some(Found::Others(None)) => {
                plan.refused.insert(name, Refusal::Taken);
            }
            Some(Found::Others(Some(owner))) => {
                plan.refused.insert(name, Refusal::Kept(owner.namespace().to_owned()));
            }
        }
        if let Some(shadow) = directory.shadow.as_ref().filter(|shadow| found.contains_key(*shadow)) {
            plan.refused.entry(name).or_insert_with(|| Refusal::Shadowed(shadow.clone()));
        }
    }
    plan
}

/// What is written comes before what is deleted, so that no file ever names one that is not there.
fn changes<'a>(
    name: &'a str,
    directory: &'a Directory,
    found: &'a BTreeMap<&'static str, Option<Vec<u8>>>,
) -> impl Iterator<Item = Step<'a>> {
    let is_current = |file: &File| matches!(found.get(file.name), Some(Some(content)) if *content == file.content);
    let written = directory.files.iter().filter(move |file| !is_current(file)).map(|file| Step::Write { name, file });
    let wanted = |file: &'static str| directory.files.iter().any(|known| known.name == file);
    let deleted = FILES.into_iter().filter(move |file| found.contains_key(file) && !wanted(file));
    written.chain(deleted.map(|file| Step::Delete { name, file }))
}

#[cfg(test)]
mod tests;

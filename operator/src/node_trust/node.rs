//! A node: what its runtime is told, brought to what it should be.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Entry, Owner, Runtime,
    drop_in::{self, Written},
    file,
    layout::{self, Desired},
    tree::{Carried, Error, Failure, Tree},
};
use crate::controller::chain;

/// Where the runtimes of a node look, by the node's own paths.
#[derive(Clone, Debug)]
pub struct Places {
    /// Where this process sees the node's root directory.
    pub root: PathBuf,
    /// containerd's `config_path`.
    pub containerd: PathBuf,
    /// Docker's certs.d.
    pub docker: PathBuf,
    /// CRI-O's certs.d.
    pub crio: PathBuf,
    /// Where CRI-O looks for more of registries.conf.
    pub registries_conf_d: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            root: "/".into(),
            containerd: "/etc/containerd/certs.d".into(),
            docker: "/etc/docker/certs.d".into(),
            crio: "/etc/containers/certs.d".into(),
            registries_conf_d: "/etc/containers/registries.conf.d".into(),
        }
    }
}

impl Places {
    fn certs_d(&self, runtime: Runtime) -> &Path {
        match runtime {
            Runtime::Containerd(_) => &self.containerd,
            Runtime::Crio => &self.crio,
            Runtime::Docker => &self.docker,
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs, in CamelCase.
    pub reason: Cow<'static, str>,
    /// For people: what it is about, and what to do.
    pub message: String,
}

impl Problem {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason: Cow::Borrowed(reason), message: message.into() }
    }

    fn of_file(error: Error, root: &Path) -> Self {
        Self::new(error.reason(), chain(&error.on_node(root)))
    }
}

/// What has become of a node.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Directories, and the file beside them, that were made, changed or removed.
    pub changed: Vec<String>,
    /// What concerns all hosts.
    pub node: Option<Problem>,
    /// What concerns one, by its name.
    pub hosts: BTreeMap<String, Problem>,
}

/// A node: whose files on it are ours, and which runtime reads them.
#[derive(Clone, Debug)]
pub struct Node {
    /// The operator.
    pub owner: Owner,
    /// Who pulls.
    pub runtime: Runtime,
    /// Where it looks.
    pub places: Places,
}

impl Node {
    /// Tells the runtime of `entries`, which are all there are: of others it is told no more.
    #[must_use]
    pub fn bring_to(&self, entries: &[Entry]) -> Outcome {
        let certs_d = self.places.certs_d(self.runtime);
        let desired = layout::desired(self.runtime, certs_d, &self.owner, entries);
        let mut outcome = Outcome::default();
        for (host, unserved) in &desired.unserved {
            outcome.hosts.insert(host.clone(), Problem::new(unserved.reason(), unserved.to_string()));
        }
        let path = file::below(&self.places.root, certs_d);
        match Tree::new(&path, &self.owner).bring_to(&desired.directories) {
            Ok(carried) => outcome.take(&desired, carried, certs_d, &self.places.root),
            Err(error) => outcome.node = Some(Problem::of_file(error, &self.places.root)),
        }
        if matches!(self.runtime, Runtime::Crio) {
            self.bring_drop_in_to(desired.drop_in.as_deref(), &mut outcome);
        }
        outcome
    }

    /// Removes all of ours, for whichever runtime it was made.
    #[must_use]
    pub fn leave(&self) -> Outcome {
        let runtimes = [Runtime::Containerd(None), Runtime::Crio, Runtime::Docker];
        let left = runtimes.map(|runtime| Self { runtime, ..self.clone() }.bring_to(&[]));
        left.into_iter().fold(Outcome::default(), |mut all, left| {
            all.changed.extend(left.changed);
            all.node = all.node.or(left.node);
            all.hosts.extend(left.hosts);
            all
        })
    }

    fn bring_drop_in_to(&self, desired: Option<&str>, outcome: &mut Outcome) {
        let directory = file::below(&self.places.root, &self.places.registries_conf_d);
        match drop_in::bring_to(&directory, &self.owner, desired) {
            Ok(Written::Unchanged) => {}
            Ok(Written::Changed) => outcome.changed.push(self.places.registries_conf_d.display().to_string()),
            Ok(Written::Taken(path)) => {
                let path = file::on_node(&self.places.root, &path);
                let message = format!("{} exists and is not ours: delete it, or rename it", path.display());
                outcome.node = Some(Problem::new("FileTaken", message));
            }
            Err(error) => outcome.node = Some(Problem::of_file(error, &self.places.root)),
        }
    }
}

impl Outcome {
    fn take(&mut self, desired: &Desired, carried: Carried, certs_d: &Path, root: &Path) {
        self.changed = carried.changed;
        for (name, failure) in carried.failures {
            let problem = match failure {
                Failure::Failed(error) => Problem::of_file(error, root),
                Failure::Refused(refusal) => {
                    Problem::new(refusal.reason(), format!("{}: {refusal}", certs_d.join(&name).display()))
                }
            };
            // What cannot be removed is known by the directory's own name.
            let host = desired.hosts.get(&name).unwrap_or(&name);
            self.hosts.insert(host.clone(), problem);
        }
    }
}

#[cfg(test)]
mod tests;

//! `kubectl preg`: the operator's program under the name `kubectl-preg`, for the people who use registries.
//!
//! It asks the API server as the person who runs it, with the rights of that person and nothing more, and changes nothing in the
//! cluster: what it writes are files of this machine, and those only when it is told to. Each subcommand is a module that first
//! looks at the cluster and then says or writes what follows from that; [`doctor`] keeps the two apart in modules of its own.

mod ca;
mod cluster;
mod doctor;
mod endpoints;
mod file;
mod login;
mod output;
mod pod;
mod status;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::cluster::Cluster;

/// The program's name as kubectl looks for it.
const NAME: &str = "kubectl-preg";

/// Looks at `PrivateRegistry` resources, logs in to them and says what is wrong with them
#[derive(Debug, Parser)]
#[command(name = NAME, bin_name = "kubectl preg", version)]
pub struct Plugin {
    #[command(flatten)]
    cluster: cluster::Flags,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Status),
    Login(login::Login),
    Ca(ca::Ca),
    Doctor(doctor::Doctor),
}

/// Why a subcommand could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The runtime could not be started.
    #[error("failed to start the runtime")]
    Runtime(#[source] std::io::Error),
    /// The cluster could not be asked, or has not what was asked for.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The result could not be printed.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// `login` failed.
    #[error(transparent)]
    Login(#[from] login::Error),
    /// `ca` failed.
    #[error(transparent)]
    Ca(#[from] ca::Error),
}

/// Whether a program that was started as `program` is the plugin.
#[must_use]
pub fn is_called_by(program: &std::path::Path) -> bool {
    program.file_stem().is_some_and(|name| name == NAME)
}

impl Plugin {
    /// Does what the subcommand says. The exit code is 1 when what was looked at is not well.
    ///
    /// # Errors
    /// When the cluster cannot be asked, or a file cannot be written; the text says what to do.
    pub fn run(self) -> Result<ExitCode, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let cluster = runtime.block_on(Cluster::of(&self.cluster))?;
        let well = match &self.command {
            Command::Status(status) => status.show(&runtime.block_on(status.look(&cluster))?)?,
            Command::Login(login) => login.write(&runtime.block_on(login.look(&cluster))?)?,
            Command::Ca(ca) => ca.hand_out(&runtime.block_on(ca.look(&cluster))?)?,
            Command::Doctor(doctor) => doctor.show(&runtime.block_on(doctor.look(&cluster))?)?,
        };
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_are_consistent() {
        Plugin::command().debug_assert();
    }

    #[test]
    fn the_program_is_the_plugin_by_its_name_alone() {
        for plugin in ["kubectl-preg", "/usr/local/bin/kubectl-preg", "./kubectl-preg.exe"] {
            assert!(is_called_by(Path::new(plugin)), "{plugin}");
        }
        for operator in ["/bin/private-registry-operator", "kubectl", "", "kubectl-preg/private-registry-operator"] {
            assert!(!is_called_by(Path::new(operator)), "{operator}");
        }
    }

    #[test]
    fn the_flags_of_kubectl_stand_before_and_after_the_subcommand() {
        for line in ["kubectl-preg -n apps status team", "kubectl-preg status team --namespace=apps --context prod"] {
            Plugin::try_parse_from(line.split(' ')).unwrap();
        }
    }
}

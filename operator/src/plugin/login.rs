//! `kubectl preg login`: what Docker or Podman need to log in, written where they keep it.
//!
//! The password goes from the cluster into that file or into the credential helper that the file names, and is printed only when
//! that is what was asked for.

mod credentials;
mod document;
mod helper;
mod place;

use std::path::{Path, PathBuf};

use self::{credentials::Credentials, document::Document, place::Tool};
use super::{
    cluster::{self, Cluster},
    endpoints, file,
    output::{self, print_text},
};
use crate::names::PULL_USER;

/// Log Docker or Podman in to a registry
///
/// Writes what they need into the file where they keep credentials, whose other content stays, or gives it to the credential
/// helper that this file names for the registry.
#[derive(Debug, clap::Args)]
pub(super) struct Login {
    /// Name of the registry
    name: String,

    /// User to log in as: pull, push, or one of spec.auth.users
    #[arg(long, short, default_value = PULL_USER)]
    user: String,

    /// Whose file is written
    #[arg(long, value_enum, default_value_t = Tool::Docker)]
    tool: Tool,

    /// The file, in place of the one that the tool reads by itself
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Host under which you reach the registry, in place of those of its status; may be given several times
    #[arg(long, value_name = "HOST[:PORT]", value_parser = endpoints::host)]
    host: Vec<String>,

    /// Print the password and nothing else, and write no file: for `--password-stdin` of other programs
    #[arg(long, conflicts_with_all = ["tool", "config", "host"])]
    print: bool,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry could not be looked at.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// There is nothing to log in with.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    /// No folder is known in which the tool keeps credentials.
    #[error("no folder for credentials is known, because HOME is not set: name the file by --config")]
    NoPlace,
    /// The file cannot be read or written.
    #[error("failed to {verb} {}: nothing was changed; --config names another file", path.display())]
    File {
        /// What was to be done.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what the tool writes.
    #[error("failed to understand {}: nothing was changed; correct the file, or name another one by --config", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: document::Error,
    },
    /// The helper that the file names does not take the password.
    #[error("failed to give the password to the credential helper that {} names", path.display())]
    Helper {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: helper::Error,
    },
    /// The result could not be printed.
    #[error(transparent)]
    Output(#[from] output::Error),
}

impl Login {
    /// What to log in with.
    pub(super) async fn look(&self, cluster: &Cluster) -> Result<Credentials, Error> {
        let registry = cluster.registry(&self.name).await?;
        let hosts = endpoints::chosen(&self.host, &registry);
        Ok(Credentials::of(cluster, &registry, &self.user, hosts).await?)
    }

    /// Writes it where it belongs.
    pub(super) fn write(&self, credentials: &Credentials) -> Result<bool, Error> {
        if self.print {
            print_text(credentials.password.expose())?;
            return Ok(true);
        }
        let path = match &self.config {
            Some(path) => path.clone(),
            None => place::of_user(self.tool).ok_or(Error::NoPlace)?,
        };
        let mut document = read(&path)?;
        let mut told = String::new();
        for host in &credentials.hosts {
            told += &log_in(host, credentials, self.tool, &path, &mut document)?;
        }
        file::replace(&path, document.to_json().as_bytes(), file::Readers::Owner).map_err(|source| Error::File {
            verb: "write",
            path,
            source,
        })?;
        print_text(&told)?;
        Ok(true)
    }
}

fn read(path: &Path) -> Result<Document, Error> {
    let content = file::read(path).map_err(|source| Error::File { verb: "read", path: path.to_owned(), source })?;
    Document::parse(content.as_deref()).map_err(|source| Error::Document { path: path.to_owned(), source })
}

/// Enters one host, in the document or in the helper that it names. Returns what to say about it.
fn log_in(
    host: &str,
    credentials: &Credentials,
    tool: Tool,
    path: &Path,
    document: &mut Document,
) -> Result<String, Error> {
    let (user, password) = (&credentials.username, credentials.password.expose());
    let shown = path.display();
    let Some(helper) = document.helper(host, tool) else {
        document.set_password(host, user, password);
        return Ok(format!("{user} is logged in to {host}: written to {shown}\n"));
    };
    helper::store(&helper, host, user, password).map_err(|source| Error::Helper { path: path.to_owned(), source })?;
    document.set_kept_elsewhere(host, tool);
    Ok(format!("{user} is logged in to {host}: kept by docker-credential-{helper}, which {shown} names\n"))
}

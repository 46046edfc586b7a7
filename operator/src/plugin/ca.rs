//! `kubectl preg ca`: the authorities to trust, printed or put where Docker and Podman look for them.

mod engine;

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use k8s_openapi::api::core::v1::Secret;

use self::engine::Engine;
use super::{
    cluster::{self, Cluster, Unseen, name_of},
    endpoints, file,
    output::{self, print_text},
};
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{RegistryName, key},
};

/// Print the authorities to trust in PEM, or install them
#[derive(Debug, clap::Args)]
pub(super) struct Ca {
    /// Name of the registry
    name: String,

    /// Write them where this engine looks for them, instead of printing them
    #[arg(long, value_enum, value_name = "ENGINE")]
    install: Option<Engine>,

    /// Folder of the engine's certificates, in place of the one that it reads by itself
    #[arg(long, value_name = "FOLDER", requires = "install")]
    certs_dir: Option<PathBuf>,

    /// The engine runs without root, so that its folder is in your home
    #[arg(long, requires = "install", conflicts_with = "certs_dir")]
    rootless: bool,

    /// Host under which you reach the registry, in place of those of its status; may be given several times
    #[arg(long, value_name = "HOST[:PORT]", requires = "install", value_parser = endpoints::host)]
    host: Vec<String>,
}

/// Why there is nothing to trust, or it is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry could not be looked at.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The Secret with ca.crt cannot be looked at.
    #[error(transparent)]
    Unseen(#[from] Unseen),
    /// The registry speaks plain HTTP.
    #[error(
        "PrivateRegistry {0} speaks plain HTTP (spec.tls.disabled): there is nobody to trust. Docker needs its host under \
         insecure-registries of daemon.json, Podman under registries.conf with insecure = true"
    )]
    PlainHttp(RegistryName),
    /// No authority is known.
    #[error(
        "no authority is known of PrivateRegistry {0}: its certificate is one that everybody trusts, or not there yet; \
         `kubectl preg status` says which"
    )]
    Unknown(RegistryName),
    /// The operator has not told under which host the registry is reached.
    #[error("PrivateRegistry {0} has no endpoint yet: `kubectl preg doctor` says why, or name a host by --host")]
    NoEndpoint(RegistryName),
    /// No folder is known in which the engine looks for certificates.
    #[error("no folder for certificates is known, because HOME is not set: name it by --certs-dir")]
    NoPlace,
    /// The file cannot be written by this user.
    #[error(
        "you may not write {}: as root, or by `kubectl preg ca {name} -n {namespace} | sudo install -D -m 644 /dev/stdin {}`; \
         for an engine that runs without root, add --rootless", path.display(), path.display()
    )]
    Refused {
        /// The file.
        path: PathBuf,
        /// Namespace of the registry.
        namespace: String,
        /// Name of the registry.
        name: String,
    },
    /// The file cannot be read or written.
    #[error("failed to read or write {}: --certs-dir names another folder", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The result could not be printed.
    #[error(transparent)]
    Output(#[from] output::Error),
}

/// What clients of a registry have to trust.
#[derive(Debug)]
pub(super) struct Authorities {
    registry: RegistryName,
    /// The hosts by which images are named.
    hosts: Vec<String>,
    /// Certificates in PEM.
    pem: Vec<u8>,
}

impl Ca {
    /// The authorities of the registry.
    pub(super) async fn look(&self, cluster: &Cluster) -> Result<Authorities, Error> {
        let registry = cluster.registry(&self.name).await?;
        let name = name_of(&registry);
        if registry.spec.tls.disabled == Some(true) {
            return Err(Error::PlainHttp(name));
        }
        let pem = authorities(cluster, &registry).await?.ok_or_else(|| Error::Unknown(name.clone()))?;
        Ok(Authorities { hosts: endpoints::chosen(&self.host, &registry), registry: name, pem })
    }

    /// Prints or installs them.
    pub(super) fn hand_out(&self, authorities: &Authorities) -> Result<bool, Error> {
        let Some(engine) = self.install else {
            print_text(&String::from_utf8_lossy(&authorities.pem))?;
            return Ok(true);
        };
        if authorities.hosts.is_empty() {
            return Err(Error::NoEndpoint(authorities.registry.clone()));
        }
        let folder = match &self.certs_dir {
            Some(folder) => folder.clone(),
            None => engine.folder_of_user(self.rootless).ok_or(Error::NoPlace)?,
        };
        let mut told = String::new();
        for host in &authorities.hosts {
            let path = folder.join(host).join(key::AUTHORITY);
            let written = install(&path, &authorities.pem);
            let done = written.map_err(|source| authorities.refused(&path, source))?;
            told += &format!("{engine} trusts {host}: {done} {}\n", path.display());
        }
        print_text(&told)?;
        Ok(true)
    }
}

impl Authorities {
    fn refused(&self, path: &Path, source: io::Error) -> Error {
        let path = path.to_owned();
        let RegistryName { namespace, name } = self.registry.clone();
        match source.kind() {
            ErrorKind::PermissionDenied => Error::Refused { path, namespace, name },
            _ => Error::File { path, source },
        }
    }
}

/// Writes the file unless it is there already; returns what was done.
fn install(path: &Path, pem: &[u8]) -> io::Result<&'static str> {
    match file::read(path)? {
        Some(content) if content == pem => Ok("already in"),
        Some(_) => file::replace(path, pem, file::Readers::All).map(|()| "replaced"),
        None => file::replace(path, pem, file::Readers::All).map(|()| "written to"),
    }
}

/// `ca.crt`, of the pull Secret first: whoever may read that has not got the certificate's key with it.
async fn authorities(cluster: &Cluster, registry: &PrivateRegistry) -> Result<Option<Vec<u8>>, Unseen> {
    let Some(status) = &registry.status else { return Ok(None) };
    let secrets = [&status.pull_secret_ref, &status.ca_secret_ref].into_iter().flatten();
    let mut unseen = None;
    for secret in secrets {
        match cluster.get::<Secret>(&cluster.namespace, &secret.name).await {
            Ok(found) => {
                if let Some(pem) = found.and_then(|found| found.data?.remove(key::AUTHORITY)) {
                    return Ok(Some(pem.0));
                }
            }
            Err(error) => unseen = Some(error),
        }
    }
    unseen.map_or(Ok(None), Err)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_there_already_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("larder:5000").join("ca.crt");
        assert_eq!(install(&path, b"one").unwrap(), "written to");
        let first = std::fs::metadata(&path).unwrap();
        assert_eq!(first.permissions().mode() & 0o777, 0o644);
        assert_eq!(install(&path, b"one").unwrap(), "already in");
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), first.modified().unwrap());
        assert_eq!(install(&path, b"two").unwrap(), "replaced");
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn somebody_who_may_not_write_is_told_how_it_is_done() {
        let registry = RegistryName { namespace: "kitchen".into(), name: "larder".into() };
        let authorities = Authorities { registry, hosts: Vec::new(), pem: Vec::new() };
        let refused = authorities.refused(Path::new("/etc/x/ca.crt"), ErrorKind::PermissionDenied.into()).to_string();
        let line = "kubectl preg ca larder -n kitchen | sudo install -D -m 644 /dev/stdin /etc/x/ca.crt";
        assert!(refused.contains(line), "{refused}");
    }
}

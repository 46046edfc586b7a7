//! The files that each runtime reads, as a pure function of the entries.
//!
//! ```text
//!   containerd   <certs.d>/<host>/{ca.crt,hosts.toml}
//!   CRI-O        <certs.d>/<host>/ca.crt, <certs.d>/<address>:<port>/ca.crt, and one file below registries.conf.d for all
//!   Docker       <certs.d>/<host>/ca.crt
//! ```

mod containerd;
mod crio;
mod docker;

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use super::{Entry, Owner, Runtime};

/// Whom to trust, in PEM.
pub(super) const AUTHORITY: &str = "ca.crt";
/// Where containerd finds the registry.
pub(super) const HOSTS: &str = "hosts.toml";
/// Every name of a file that is made, in the order in which they are taken away: what names another one goes before it.
pub(super) const FILES: [&str; 2] = [HOSTS, AUTHORITY];

/// A file as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name: one of those that the runtime reads.
    pub name: &'static str,
    /// What is in it.
    pub content: Vec<u8>,
}

/// A directory as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Its files, in the order in which they are written: what is named by another one comes before it.
    pub files: Vec<File>,
    /// The directory that the runtime would read in place of this one, if there is one of that name.
    pub shadow: Option<String>,
}

/// All that the node's runtime should find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Directories below certs.d, by name.
    pub directories: BTreeMap<String, Directory>,
    /// The hosts that each directory is for.
    pub hosts: BTreeMap<String, String>,
    /// The file below registries.conf.d; only CRI-O has one.
    pub drop_in: Option<String>,
    /// Hosts that this runtime cannot be told, and why.
    pub unserved: BTreeMap<String, Unserved>,
}

impl Desired {
    fn directory(&mut self, name: String, host: &str, directory: Directory) {
        self.hosts.insert(name.clone(), host.to_owned());
        self.directories.insert(name, directory);
    }
}

/// Why a runtime cannot be told of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// The parser of containerd 1.x ends a table's name at the first bracket, and then takes no notice of the whole file.
    #[error(
        "containerd 1.x cannot read the address [{0}] in a hosts.toml: give the node containerd 2, or the Service an IPv4 address"
    )]
    ContainerdIpv6(IpAddr),
    /// A location is an image reference, which has no brackets there.
    #[error("CRI-O cannot be led to the address [{0}]: give the Service an IPv4 address")]
    CrioIpv6(IpAddr),
    /// No file below certs.d can say so.
    #[error(
        "Docker pulls without TLS only from the hosts that insecure-registries in its daemon.json names: let the registry speak TLS"
    )]
    DockerHttp,
}

impl Unserved {
    /// For programs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ContainerdIpv6(_) | Self::CrioIpv6(_) => "AddressNotSupported",
            Self::DockerHttp => "PlainHttpNotSupported",
        }
    }
}

/// What should be there for `entries`, where the runtime reads `certs_d` under that name.
#[must_use]
pub fn desired(runtime: Runtime, certs_d: &Path, owner: &Owner, entries: &[Entry]) -> Desired {
    match runtime {
        Runtime::Containerd(version) => containerd::desired(version, certs_d, owner, entries),
        Runtime::Crio => crio::desired(owner, entries),
        Runtime::Docker => docker::desired(entries),
    }
}

/// The file with the authorities, for those whose registry has some of its own.
fn authority(entry: &Entry) -> Option<File> {
    entry.authorities().map(|pem| File { name: AUTHORITY, content: pem.as_bytes().to_vec() })
}

/// A text that begins with the line that says whose it is.
fn kept(owner: &Owner, document: &toml::Table) -> String {
    format!("{}{document}", owner.line())
}

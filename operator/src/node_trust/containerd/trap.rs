//! The states in which containerd does not read a directory that was written for it. Pure, and in words that an administrator can
//! act on.

use std::path::{Path, PathBuf};

use super::Settings;
use crate::node_trust::runtime::Version;

/// What containerd goes by when its configuration says nothing, and since which version. Before, it goes by nothing.
const DEFAULT_CONFIG_PATH: (&str, Version) = ("/etc/containerd/certs.d:/etc/docker/certs.d", (2, 2));
/// Since when that is so as well where the configuration says that there is none.
const EMPTY_IS_DEFAULT: Version = (2, 3);
/// The first version that pulls with the transfer service.
const TRANSFER_SERVICE: Version = (2, 1);

/// A state in which containerd takes no notice of what is written for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trap {
    /// 1.x without `config_path`.
    #[error(
        "containerd reads no directory of hosts: set config_path = \"{}\" in the registry table of its CRI plugin, and \
         start it again", certs_d.display()
    )]
    NoConfigPath {
        /// The directory that is written.
        certs_d: PathBuf,
    },
    /// `config_path` without our directory.
    #[error(
        "containerd reads hosts from {config_path}, and not from {}: have the chart write there \
         (nodeTrust.containerd.certsDir)", certs_d.display()
    )]
    OtherConfigPath {
        /// What it reads.
        config_path: String,
        /// The directory that is written.
        certs_d: PathBuf,
    },
    /// 2.1 and later, with several directories.
    #[error(
        "containerd's transfer service takes the list of directories {config_path:?} for the name of one, and reads \
         none: set config_path = \"{}\" in [plugins.\"io.containerd.cri.v1.images\".registry], and start it again", certs_d.display()
    )]
    TransferService {
        /// What it reads.
        config_path: String,
        /// The directory that is written.
        certs_d: PathBuf,
    },
    /// Registries in the configuration itself, without `config_path`.
    #[error(
        "containerd has registry.mirrors in its configuration, and reads no directory of hosts: move them to {}, set \
         config_path, and start it again", certs_d.display()
    )]
    Mirrors {
        /// The directory that is written.
        certs_d: PathBuf,
    },
    /// The same with `config_path`.
    #[error(
        "containerd has registry.mirrors beside config_path, with which its CRI plugin does not start the next time: \
         move them to {}", certs_d.display()
    )]
    MirrorsBesideConfigPath {
        /// The directory that is written.
        certs_d: PathBuf,
    },
}

impl Trap {
    /// For programs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoConfigPath { .. } => "ConfigPathNotSet",
            Self::OtherConfigPath { .. } => "ConfigPathElsewhere",
            Self::TransferService { .. } => "TransferServiceIgnoresHosts",
            Self::Mirrors { .. } => "RegistryMirrors",
            Self::MirrorsBesideConfigPath { .. } => "RegistryMirrorsConflict",
        }
    }
}

/// What keeps a containerd of that version and configuration from reading `certs_d`, as far as the two say.
///
/// `None` for `settings` is that there is no configuration. Where the version is not known, the configuration's form may tell the
/// generation; what it does not say, nobody can.
#[must_use]
pub fn trap(version: Option<Version>, settings: Option<&Settings>, certs_d: &Path) -> Option<Trap> {
    let defaults = Settings::default();
    let settings = settings.unwrap_or(&defaults);
    let is_second = version.map(|version| version >= (2, 0)).or_else(|| settings.is_second_generation());
    let (default, since) = DEFAULT_CONFIG_PATH;
    let has_default = version.map(|version| version >= since).or(is_second);
    let is_said = |path: &&str| !path.is_empty() || version.is_none_or(|version| version < EMPTY_IS_DEFAULT);
    let config_path = match (settings.config_path.as_deref().filter(is_said), has_default) {
        (Some(path), _) => path,
        // An imported file that was not seen may say it.
        (None, _) if !settings.unread.is_empty() => return None,
        // With mirrors, 2.x leaves its default out.
        (None, Some(true)) if !settings.mirrors => default,
        (None, None) if !settings.mirrors => return None,
        (None, _) => "",
    };
    let certs_d = certs_d.to_owned();
    match (config_path.is_empty(), settings.mirrors) {
        (true, true) => return Some(Trap::Mirrors { certs_d }),
        (true, false) => return Some(Trap::NoConfigPath { certs_d }),
        (false, true) => return Some(Trap::MirrorsBesideConfigPath { certs_d }),
        (false, false) => {}
    }
    let directories: Vec<&Path> = config_path.split(':').filter(|path| !path.is_empty()).map(Path::new).collect();
    let config_path = config_path.to_owned();
    if !directories.contains(&certs_d.as_path()) {
        return Some(Trap::OtherConfigPath { config_path, certs_d });
    }
    let transfers = version.is_none_or(|version| version >= TRANSFER_SERVICE) && is_second == Some(true);
    (directories.len() > 1 && transfers && !settings.pulls_locally)
        .then_some(Trap::TransferService { config_path, certs_d })
}

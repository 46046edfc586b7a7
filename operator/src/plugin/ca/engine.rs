//! Where container engines look for the authorities of one registry: `<folder>/<host[:port]>/ca.crt`.

use std::{env, ffi::OsString, fmt, path::PathBuf};

use crate::plugin::file;

/// What pulls and pushes on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Engine {
    /// The Docker engine: /etc/docker/certs.d
    Docker,
    /// Podman, Buildah, skopeo and CRI-O: /etc/containers/certs.d, or your home's without root
    Podman,
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        })
    }
}

impl Engine {
    /// The folder that the engine reads by itself; `None` when the home is not known.
    ///
    /// Podman runs as whoever calls it, Docker's engine as root unless one knows better.
    pub(super) fn folder_of_user(self, rootless: bool) -> Option<PathBuf> {
        let rootless = rootless || (self == Self::Podman && file::user_id() != Some(0));
        self.folder(rootless, |name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn folder(self, rootless: bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let (system, own) = match self {
            Self::Docker => ("/etc/docker/certs.d", "docker/certs.d"),
            Self::Podman => ("/etc/containers/certs.d", "containers/certs.d"),
        };
        if !rootless {
            return Some(system.into());
        }
        let config = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")))?;
        Some(config.join(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_has_a_folder_of_the_system_and_one_of_the_user() {
        let folder = |engine: Engine, rootless, variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
            engine.folder(rootless, variable).map(|folder| folder.display().to_string())
        };
        let home = [("HOME", "/home/cook")];
        assert_eq!(folder(Engine::Docker, false, &home).as_deref(), Some("/etc/docker/certs.d"));
        assert_eq!(folder(Engine::Podman, false, &home).as_deref(), Some("/etc/containers/certs.d"));
        assert_eq!(folder(Engine::Docker, true, &home).as_deref(), Some("/home/cook/.config/docker/certs.d"));
        let elsewhere = [("HOME", "/home/cook"), ("XDG_CONFIG_HOME", "/c")];
        assert_eq!(folder(Engine::Podman, true, &elsewhere).as_deref(), Some("/c/containers/certs.d"));
        assert_eq!(folder(Engine::Docker, true, &[]), None);
    }
}

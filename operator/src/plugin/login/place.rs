//! Where Docker and Podman keep credentials.

use std::{env, ffi::OsString, path::PathBuf};

use crate::plugin::file;

/// Whose credentials are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Tool {
    /// Docker, and what reads its file: crane, helm, oras, skopeo.
    Docker,
    /// Podman, Buildah and skopeo.
    Podman,
}

/// The file that `tool` reads when the present user runs it; `None` when no folder is known.
pub(super) fn of_user(tool: Tool) -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    match tool {
        Tool::Docker => docker(variable),
        Tool::Podman => podman(variable, env::consts::OS == "linux", file::user_id()),
    }
}

fn docker(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = variable("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".docker")))?;
    Some(folder.join("config.json"))
}

/// As podman-login(1) has it.
fn podman(variable: impl Fn(&str) -> Option<OsString>, linux: bool, user: Option<u32>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).map(PathBuf::from);
    let file = || {
        if !linux {
            return Some(folder("HOME")?.join(".config/containers/auth.json"));
        }
        let runtime = folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
        runtime.or_else(|| Some(PathBuf::from(format!("/run/containers/{}/auth.json", user?))))
    };
    folder("REGISTRY_AUTH_FILE").or_else(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file, where these variables are set.
    fn path(tool: Tool, linux: bool, variables: &[(&str, &str)]) -> String {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let path = match tool {
            Tool::Docker => docker(variable),
            Tool::Podman => podman(variable, linux, Some(1000)),
        };
        path.map_or_else(|| "none".to_owned(), |path| path.display().to_string())
    }

    #[test]
    fn each_tool_s_file_is_where_the_tool_looks() {
        let home = ("HOME", "/home/cook");
        let runtime = ("XDG_RUNTIME_DIR", "/run/user/1000");
        for (tool, linux, variables, expected) in [
            (Tool::Docker, true, vec![home], "/home/cook/.docker/config.json"),
            (Tool::Docker, true, vec![home, ("DOCKER_CONFIG", "/d")], "/d/config.json"),
            (Tool::Docker, true, vec![], "none"),
            (Tool::Podman, true, vec![home, runtime], "/run/user/1000/containers/auth.json"),
            (Tool::Podman, true, vec![home], "/run/containers/1000/auth.json"),
            (Tool::Podman, true, vec![runtime, ("REGISTRY_AUTH_FILE", "/a.json")], "/a.json"),
            (Tool::Podman, false, vec![home, runtime], "/home/cook/.config/containers/auth.json"),
        ] {
            assert_eq!(path(tool, linux, &variables), expected);
        }
    }
}

//! A containerd of a test's own, for the clients that are none without it: ctr, and crictl, which is how a kubelet pulls.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use support::command::{command, run};
use support::secure_server::Server;
use support::wait::eventually;
use tokio::process::Child;

/// A daemon with nothing in it, which ends when dropped.
#[derive(Debug)]
pub(crate) struct Containerd {
    socket: String,
    hosts: String,
    _process: Child,
}

impl Containerd {
    /// Starts a daemon that trusts `server`, in the server's folder.
    pub(crate) async fn start(server: &Server) -> Result<Self> {
        let folder = server.folder().join("containerd");
        let hosts = trust(server, &folder.join("certs.d"))?;
        let socket = folder.join("containerd.sock").display().to_string();
        std::fs::write(folder.join("config.toml"), configuration(&folder))?;
        let log = std::fs::File::create(folder.join("log"))?;

        let mut daemon = command("containerd", ["--config"]);
        daemon.arg(folder.join("config.toml")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = daemon.spawn().context("failed to start containerd: `make clients` provides it")?;
        eventually("containerd to answer", async || run(command("ctr", ["--address", &socket, "version"])).await)
            .await
            .with_context(|| std::fs::read_to_string(folder.join("log")).unwrap_or_default())?;
        Ok(Self { socket, hosts, _process: process })
    }

    /// The path of its socket.
    pub(crate) fn socket(&self) -> &str {
        &self.socket
    }

    /// The folder in which each registry has one of its own, with its `hosts.toml`.
    pub(crate) fn hosts(&self) -> &str {
        &self.hosts
    }
}

/// Writes what containerd's documentation asks for where an authority is private.
fn trust(server: &Server, hosts: &Path) -> Result<String> {
    let folder = hosts.join(server.host());
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("ca.crt"), server.authority())?;
    let (host, authority) = (server.host(), folder.join("ca.crt").display().to_string());
    let text = format!("server = \"https://{host}\"\n[host.\"https://{host}\"]\nca = \"{authority}\"\n");
    std::fs::write(folder.join("hosts.toml"), text)?;
    Ok(hosts.display().to_string())
}

/// Everything below `folder`; the plain copying snapshotter, because it works on every file system.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{folder}/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{folder}/certs.d"
"#
    )
}

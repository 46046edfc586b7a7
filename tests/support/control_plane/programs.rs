//! etcd, kube-apiserver and kube-controller-manager: where they are and with which flags they run.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Options;
use super::folder::Folder;
use super::process::Process;
use crate::{program, random_word, root};

/// Where the API server listens.
pub(super) const API_PORT: u16 = 6443;

const ETCD_PORT: u16 = 2379;
const ETCD_PEER_PORT: u16 = 2380;

const MADE_BY: &str = "tests/tools/build etcd kubernetes";

/// What it writes goes with the test: nothing is synced to the disk.
pub(super) fn etcd(folder: &Folder, address: Ipv4Addr) -> Result<Process> {
    let (clients, peers) = (format!("http://{address}:{ETCD_PORT}"), format!("http://{address}:{ETCD_PEER_PORT}"));
    let arguments = [
        format!("--data-dir={}", folder.path().join("etcd").display()),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    Process::start(&program::pinned("etcd", MADE_BY)?, &arguments, [], folder.path().join("etcd.log"))
}

/// With RBAC, and a line in its audit log for every request of the operator.
pub(super) fn api_server(folder: &Folder, address: Ipv4Addr, options: &Options) -> Result<Process> {
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut arguments = vec![
        format!("--etcd-servers=http://{address}:{ETCD_PORT}"),
        format!("--bind-address={address}"),
        format!("--advertise-address={address}"),
        format!("--secure-port={API_PORT}"),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("clients.crt")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("tokens.pub")),
        format!("--service-account-signing-key-file={}", file("tokens.key")),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // As on OpenShift: who says that an object blocks its owner's deletion has to have the right to delete it.
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement".to_owned(),
        // No node is there to reach the Service `kubernetes`.
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--audit-policy-file={}", root().join("tests/cluster/audit-policy.yaml").display()),
        format!("--audit-log-path={}", audit_log()?.display()),
    ];
    arguments.extend(options.api_server_flags.iter().cloned());
    Process::start(&component(folder, "kube-apiserver")?, &arguments, [], folder.path().join("kube-apiserver.log"))
}

/// The controllers that act on the API alone.
pub(super) fn controller_manager(folder: &Folder, kubeconfig: &Path) -> Result<Process> {
    let path = |path: &Path| path.display().to_string();
    let arguments = [
        format!("--kubeconfig={}", path(kubeconfig)),
        format!("--service-account-private-key-file={}", path(&folder.path().join("tokens.key"))),
        "--use-service-account-credentials=false".to_owned(),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    let log = folder.path().join("kube-controller-manager.log");
    Process::start(&component(folder, "kube-controller-manager")?, &arguments, [], log)
}

/// One Kubernetes program plays every part, by the name it is called.
fn component(folder: &Folder, name: &str) -> Result<PathBuf> {
    let path = folder.path().join(name);
    if !path.exists() {
        std::os::unix::fs::symlink(program::pinned("kubernetes", MADE_BY)?, &path)?;
    }
    Ok(path)
}

/// Where the audit logs of all control planes are: they outlive them, because rights are judged by what all tests together
/// have used.
pub fn audit_folder() -> PathBuf {
    root().join(".cluster/audit")
}

fn audit_log() -> Result<PathBuf> {
    std::fs::create_dir_all(audit_folder())?;
    Ok(audit_folder().join(format!("{}.log", random_word())))
}

//! A node as a directory, with what administrators and other programs have put into it.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::node_trust::{
    Scheme,
    entry::tests::{authority, entry},
};

const HOST: &str = "team.apps.svc.cluster.local";

fn node(runtime: Runtime) -> (TempDir, Node) {
    let root = tempfile::tempdir().unwrap();
    let places = Places { root: root.path().to_owned(), ..Places::default() };
    (root, Node { owner: Owner::new("system").unwrap(), runtime, places })
}

fn files(root: &Path) -> Vec<String> {
    fn below(path: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(root, &mut found);
    let mut names: Vec<_> = found.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect();
    names.retain(|name| !name.contains("/.private-registry-operator"));
    names.sort();
    names
}

#[test]
fn a_new_address_and_a_new_authority_are_told_and_paths_are_those_of_the_node() {
    let (root, node) = node(Runtime::Containerd(Some((1, 6))));
    let [first, second] = [authority(), authority()];
    let told = |address, authority: &str| entry("team", Scheme::Https, address, Some(authority));
    assert_eq!(node.bring_to(&[told("10.96.0.7:443", &first)]).changed, [HOST]);
    assert_eq!(node.bring_to(&[told("10.96.0.7:443", &format!("{first}{second}"))]).changed, [HOST]);
    assert_eq!(node.bring_to(&[told("10.96.0.9:443", &second)]).changed, [HOST]);
    assert!(node.bring_to(&[told("10.96.0.9:443", &second)]).changed.is_empty());
    let directory = root.path().join("etc/containerd/certs.d").join(HOST);
    let hosts = fs::read_to_string(directory.join("hosts.toml")).unwrap();
    assert!(hosts.contains("https://10.96.0.9:443") && !hosts.contains("10.96.0.7"), "{hosts}");
    assert!(hosts.contains(&format!("ca = \"/etc/containerd/certs.d/{HOST}/ca.crt\"")), "{hosts}");
    assert_eq!(fs::read_to_string(directory.join("ca.crt")).unwrap(), second);
}

#[test]
fn what_is_somebody_elses_is_told_with_its_path_and_the_other_hosts_go_on() {
    let (root, node) = node(Runtime::Containerd(None));
    let taken = root.path().join("etc/containerd/certs.d").join(HOST);
    fs::create_dir_all(&taken).unwrap();
    fs::write(taken.join("hosts.toml"), "by hand").unwrap();
    let entries = ["team", "other"].map(|name| entry(name, Scheme::Http, "10.96.0.7:80", None));
    let outcome = node.bring_to(&entries);
    assert_eq!(outcome.changed, ["other.apps.svc.cluster.local"]);
    assert_eq!(outcome.hosts.len(), 1);
    let problem = &outcome.hosts[HOST];
    assert_eq!(problem.reason, "DirectoryTaken");
    let path = format!("/etc/containerd/certs.d/{HOST}: the directory exists and is not ours");
    assert!(problem.message.starts_with(&path), "{}", problem.message);
    assert_eq!(fs::read_to_string(taken.join("hosts.toml")).unwrap(), "by hand");
}

#[test]
fn what_cannot_be_written_is_told_with_the_node_s_own_path() {
    for directory in ["certs.d", "registries.conf.d"] {
        let (root, node) = node(Runtime::Crio);
        let path = root.path().join("etc/containers").join(directory);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "a file").unwrap();
        let problem = node.bring_to(&[entry("team", Scheme::Http, "10.96.0.7:80", None)]).node.unwrap();
        assert!(problem.message.contains(&format!(" /etc/containers/{directory}")), "{}", problem.message);
    }
}

#[test]
fn crio_finds_hosts_and_authorities_and_a_file_of_that_name_that_is_not_ours_stays() {
    let (root, node) = node(Runtime::Crio);
    let authority = authority();
    let team = entry("team", Scheme::Https, "10.96.0.7:443", Some(&authority));
    assert_eq!(node.bring_to(std::slice::from_ref(&team)).node, None);
    let conf = "etc/containers/registries.conf.d/private-registry-operator.system.conf";
    let authorities = ["10.96.0.7:443", HOST].map(|name| format!("etc/containers/certs.d/{name}/ca.crt"));
    assert_eq!(files(root.path()), [&authorities[..], &[conf.to_owned()]].concat());
    fs::write(root.path().join(conf), "# by hand").unwrap();
    let problem = node.bring_to(&[team]).node.unwrap();
    assert_eq!(problem.reason, "FileTaken");
    assert!(problem.message.starts_with(&format!("/{conf} exists")), "{}", problem.message);
    assert_eq!(node.leave().node, None);
    assert_eq!(files(root.path()), [conf], "that is a person's");
}

#[test]
fn a_node_that_is_left_is_as_it_was_whatever_its_runtime_was() {
    let (root, node) = node(Runtime::Crio);
    let by_hand = root.path().join("etc/containerd/certs.d/docker.io/hosts.toml");
    fs::create_dir_all(by_hand.parent().unwrap()).unwrap();
    fs::write(&by_hand, "by hand").unwrap();
    let authority = authority();
    let team = entry("team", Scheme::Https, "10.96.0.7:443", Some(&authority));
    for runtime in [Runtime::Crio, Runtime::Docker, Runtime::Containerd(None)] {
        assert!(!Node { runtime, ..node.clone() }.bring_to(std::slice::from_ref(&team)).changed.is_empty());
    }
    let other = Node { owner: Owner::new("other").unwrap(), runtime: Runtime::Docker, ..node.clone() };
    let _ = other.bring_to(&[entry("other", Scheme::Https, "10.96.0.8:443", Some(&authority))]);
    let outcome = node.leave();
    assert!(outcome.node.is_none() && outcome.hosts.is_empty(), "{outcome:?}");
    let left =
        ["etc/containerd/certs.d/docker.io/hosts.toml", "etc/docker/certs.d/other.apps.svc.cluster.local/ca.crt"];
    assert_eq!(files(root.path()), left);
    assert!(node.leave().changed.is_empty());
}

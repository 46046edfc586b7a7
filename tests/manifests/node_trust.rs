//! What the chart puts onto nodes: nothing unless it is switched on, and then no more of a node than a runtime's directories.

use std::collections::{BTreeMap, BTreeSet};

use clap::{CommandFactory, Parser};
use private_registry_operator::args::Args;
use serde_json::{Value, json};

use crate::tools::{identity, of_kind, render, the, try_render};

const ON: &str = "nodeTrust.enabled=true";

fn pod(objects: &[Value]) -> &Value {
    &the(objects, "DaemonSet")["spec"]["template"]["spec"]
}

fn container(objects: &[Value]) -> &Value {
    &pod(objects)["containers"][0]
}

fn variable<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    let variables = container(objects)["env"].as_array().unwrap();
    variables.iter().find(|variable| variable["name"] == name).map_or(&Value::Null, |variable| &variable["value"])
}

/// The directories of the node, where the container has them, and whether it may only read.
fn directories(objects: &[Value]) -> BTreeMap<String, (String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let volumes = pod(objects)["volumes"].as_array().unwrap();
    let path = |name: &Value| {
        volumes.iter().find(|volume| volume["name"] == *name).map(|volume| text(&volume["hostPath"]["path"]))
    };
    let mounts = container(objects)["volumeMounts"].as_array().unwrap();
    assert_eq!(volumes.len(), mounts.len());
    let mount = |mount: &Value| (text(&mount["mountPath"]), mount["readOnly"] == true);
    mounts.iter().map(|known| (path(&known["name"]).unwrap(), mount(known))).collect()
}

#[test]
fn nothing_is_on_nodes_unless_it_is_switched_on() {
    let (off, on) = (render(&[]), render(&[ON]));
    let names = |objects: &[Value]| objects.iter().map(identity).collect::<BTreeSet<_>>();
    let more: Vec<_> = names(&on).difference(&names(&off)).cloned().collect();
    assert!(names(&off).is_subset(&names(&on)) && more.iter().all(|name| name.contains("-node-trust")), "{more:?}");
    assert!(of_kind(&off, "DaemonSet").is_empty());
    let told = |objects: &[Value]| the(objects, "Deployment").to_string().contains("NODE_TRUST_DAEMON_SET");
    assert!(told(&on) && !told(&off));
}

#[test]
fn of_a_node_it_has_the_directories_of_its_runtimes_and_nothing_else() {
    let objects = render(&[ON]);
    let read_only = ("/host/etc/containerd".to_owned(), true);
    let written = |path: &str| (format!("/host{path}"), false);
    let containerd = [
        ("/etc/containerd".to_owned(), read_only),
        ("/etc/containerd/certs.d".to_owned(), written("/etc/containerd/certs.d")),
    ];
    assert_eq!(directories(&objects), containerd.into());
    for forbidden in ["hostNetwork", "hostPID", "hostIPC"] {
        assert_eq!(pod(&objects)[forbidden], Value::Null, "{forbidden}");
    }
    let expected =
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(container(&objects)["securityContext"], expected);
    let others = render(&[ON, "nodeTrust.runtimes={cri-o,docker}"]);
    let paths = ["/etc/containers/certs.d", "/etc/containers/registries.conf.d", "/etc/docker/certs.d"];
    assert_eq!(directories(&others), paths.map(|path| (path.to_owned(), written(path))).into());
    assert!(try_render(&[ON, "nodeTrust.runtimes={youki}"]).is_err());
}

#[test]
fn k3s_rke2_and_others_have_their_directories_elsewhere() {
    for root in ["/var/lib/rancher/k3s/agent", "/var/lib/rancher/rke2/agent", "/home/kubernetes"] {
        let (certs, config) = (format!("{root}/etc/containerd/certs.d"), format!("{root}/etc/containerd"));
        let values =
            [format!("nodeTrust.containerd.certsDir={certs}"), format!("nodeTrust.containerd.configDir={config}")];
        let objects = render(&[ON, &values[0], &values[1]]);
        let paths: Vec<_> = directories(&objects).into_keys().collect();
        assert_eq!(paths, [config.clone(), certs.clone()]);
        assert_eq!(*variable(&objects, "CONTAINERD_CERTS_DIR"), certs);
        assert_eq!(*variable(&objects, "CONTAINERD_CONFIG"), format!("{config}/config.toml"));
    }
    assert!(try_render(&[ON, "nodeTrust.containerd.certsDir=certs.d"]).is_err(), "a path of the node is a whole one");
}

/// Their names are those of its flags, and it parses the values.
#[test]
fn the_program_on_nodes_understands_its_settings() {
    let command = Args::command();
    let node_trust = command.find_subcommand("node-trust").unwrap();
    let flags: BTreeMap<_, _> =
        node_trust.get_arguments().filter_map(|flag| Some((flag.get_env()?.to_str()?, flag.get_long()?))).collect();
    let objects = render(&[ON, "log.level=trace", "log.format=text", "clusterDomain=savannah.local"]);
    assert_eq!(container(&objects)["args"], json!(["node-trust"]));
    let arguments = container(&objects)["env"].as_array().unwrap().iter().map(|variable| {
        let name = variable["name"].as_str().unwrap();
        let flag = flags.get(name).unwrap_or_else(|| panic!("the program does not read {name}"));
        format!("--{flag}={}", variable["value"].as_str().unwrap_or("from-the-pod"))
    });
    Args::try_parse_from(["operator", "node-trust"].map(str::to_owned).into_iter().chain(arguments)).unwrap();
    let daemon_set = the(&objects, "DaemonSet")["metadata"]["name"].clone();
    let told = the(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
    assert_eq!(told.iter().find(|known| known["name"] == "NODE_TRUST_DAEMON_SET").unwrap()["value"], daemon_set);
    assert_eq!(*variable(&objects, "DAEMON_SET"), daemon_set);
}

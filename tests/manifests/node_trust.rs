//! What the chart puts onto nodes: nothing unless it is switched on, and then no more of a node than a runtime's directories.

use std::collections::{BTreeMap, BTreeSet};

use clap::{CommandFactory, Parser};
use private_registry_operator::args::Args;
use private_registry_operator::node_trust::canary;
use serde_json::{Value, json};

use crate::tools::{identity, of_kind, render, the, try_render};

const ON: &str = "nodeTrust.enabled=true";
const WITHOUT_CANARY: &str = "nodeTrust.canary.enabled=false";

fn pod(objects: &[Value]) -> &Value {
    &the(objects, "DaemonSet")["spec"]["template"]["spec"]
}

/// What keeps the files, whichever kind of container it is.
fn container(objects: &[Value]) -> &Value {
    let kinds = ["initContainers", "containers"].map(|kind| pod(objects)[kind].as_array());
    kinds.into_iter().flatten().flatten().find(|container| container["name"] == "node-trust").unwrap()
}

fn variable<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    let variables = container(objects)["env"].as_array().unwrap();
    variables.iter().find(|variable| variable["name"] == name).map_or(&Value::Null, |variable| &variable["value"])
}

/// The directories of the node, where the container has them, and whether it may only read.
fn directories(objects: &[Value]) -> BTreeMap<String, (String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let volumes = pod(objects)["volumes"].as_array().unwrap().iter();
    let volumes: Vec<_> = volumes.filter(|volume| volume["hostPath"].is_object()).collect();
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
    let mut expected = BTreeMap::from(paths.map(|path| (path.to_owned(), written(path))));
    expected.insert("/etc/crio".to_owned(), ("/host/etc/crio".to_owned(), true));
    assert_eq!(directories(&others), expected);
    assert!(try_render(&[ON, "nodeTrust.runtimes={youki}"]).is_err());
}

#[test]
fn the_canary_is_pulled_from_the_pod_itself_once_the_node_is_told_of_it() {
    let objects = render(&[ON]);
    let keeper = &pod(&objects)["initContainers"][0];
    assert_eq!((&keeper["name"], &keeper["restartPolicy"]), (&json!("node-trust"), &json!("Always")));
    assert_eq!(keeper["startupProbe"]["httpGet"]["path"], "/startedz");
    let host = variable(&objects, "CANARY_HOST").as_str().unwrap();
    assert!(host.ends_with(".invalid"), "{host}");
    let containers = pod(&objects)["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    assert_eq!(containers[0]["name"], canary::CONTAINER);
    // One name for all versions, so that nodes do not collect names.
    assert_eq!(containers[0]["image"], format!("{host}/node-trust:self"));
    assert_eq!(containers[0]["imagePullPolicy"], "Always");
}

#[test]
fn the_canary_has_nothing_of_the_node_and_no_token() {
    let objects = render(&[ON]);
    let canary = &pod(&objects)["containers"][0];
    let security = &canary["securityContext"];
    assert_eq!((&security["runAsUser"], &security["runAsNonRoot"]), (&json!(65532), &json!(true)));
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
    assert_eq!(security["allowPrivilegeEscalation"], false);
    // What is mounted there is mounted in the token's place.
    let mounts = canary["volumeMounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 1);
    assert_eq!(mounts[0]["mountPath"], "/var/run/secrets/kubernetes.io/serviceaccount");
    let volumes = pod(&objects)["volumes"].as_array().unwrap();
    let empty = volumes.iter().find(|volume| volume["name"] == mounts[0]["name"]).unwrap();
    assert!(empty["emptyDir"].is_object(), "{empty}");
}

#[test]
fn there_is_no_canary_where_its_address_could_be_unknown_or_a_policy_refuses_it() {
    let others = ["cri-o", "docker"].map(|other| format!("nodeTrust.runtimes={{containerd,{other}}}"));
    for without in [WITHOUT_CANARY, &others[0], &others[1]] {
        let without = &[ON, without];
        let objects = render(without);
        let containers = pod(&objects)["containers"].as_array().unwrap();
        assert!(containers.len() == 1 && containers[0]["name"] == "node-trust", "{without:?}");
        assert_eq!(pod(&objects)["initContainers"], Value::Null);
        assert_eq!(*variable(&objects, "CANARY_HOST"), Value::Null);
    }
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
        let of_the_pod = if name == "POD_IP" { "10.244.0.7" } else { "from-the-pod" };
        format!("--{flag}={}", variable["value"].as_str().unwrap_or(of_the_pod))
    });
    Args::try_parse_from(["operator", "node-trust"].map(str::to_owned).into_iter().chain(arguments)).unwrap();
    let daemon_set = the(&objects, "DaemonSet")["metadata"]["name"].clone();
    let told = the(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
    assert_eq!(told.iter().find(|known| known["name"] == "NODE_TRUST_DAEMON_SET").unwrap()["value"], daemon_set);
    assert_eq!(*variable(&objects, "DAEMON_SET"), daemon_set);
}

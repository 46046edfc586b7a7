//! The chart as a whole, and what belongs together in it. What a value does to a template is in `templates`.

use std::{collections::BTreeMap, iter};

use clap::{Arg, CommandFactory, Parser};
use private_registry_operator::args::Args;
use serde_json::{Value, json};

use crate::tools::{CHART, NAMESPACE, RELEASE, documents, identity, of_kind, read, render, run, the, try_render};

fn container(objects: &[Value]) -> &Value {
    &the(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
}

fn variable<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    let variables = container(objects)["env"].as_array().unwrap();
    variables.iter().find(|variable| variable["name"] == name).map_or(&Value::Null, |variable| &variable["value"])
}

#[test]
fn helm_has_nothing_to_complain_about() {
    run("helm", &["lint", "--strict", CHART]).unwrap();
}

#[test]
fn the_chart_has_the_version_of_the_workspace() {
    let chart = documents(&read(&format!("{CHART}/Chart.yaml"))).remove(0);

    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_object_is_labelled_and_lives_in_the_namespace_of_the_release() {
    let cluster_wide = [
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ];
    let values =
        ["replicas=2", "metrics.serviceMonitor.enabled=true", "exposure.restricted=true", "commonLabels.team=savannah"];

    for object in render(&values) {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/instance"], RELEASE, "{}", identity(&object));
        assert_eq!(labels["team"], "savannah", "{}", identity(&object));
        let namespace = &object["metadata"]["namespace"];
        if cluster_wide.iter().any(|kind| object["kind"] == *kind) {
            assert!(namespace.is_null(), "{}", identity(&object));
        } else {
            assert_eq!(namespace, NAMESPACE, "{}", identity(&object));
        }
    }
}

#[test]
fn images_are_of_this_release_unless_values_name_others() {
    let version = env!("CARGO_PKG_VERSION");
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));

    let plain = render(&[]);
    assert_eq!(container(&plain)["image"], format!("privateregistry/operator:{version}"));
    assert_eq!(*variable(&plain, "SERVER_IMAGE"), format!("privateregistry/server:{version}"));

    let other = render(&[
        "image.repository=registry.example.com:5000/mirror/operator",
        &format!("image.digest={digest}"),
        "serverImage.repository=registry.example.com:5000/mirror/server",
        "serverImage.tag=v7",
    ]);
    assert_eq!(container(&other)["image"], format!("registry.example.com:5000/mirror/operator:{version}@{digest}"));
    assert_eq!(*variable(&other, "SERVER_IMAGE"), "registry.example.com:5000/mirror/server:v7");
}

/// Their names are those of its flags, and it parses the values: the defaults, and some that the schema allows.
#[test]
fn the_operator_understands_its_settings() {
    let flags: BTreeMap<String, String> = Args::command().get_arguments().filter_map(flag).collect();
    let unusual = [
        "watchNamespaces={lion}",
        "pullSecrets.namespaces={lion,zebra}",
        "log.level=trace",
        "log.format=text",
        "credentials.gracePeriod=1h30m",
    ];
    for values in [&[][..], &unusual] {
        let objects = render(values);
        let arguments = container(&objects)["env"].as_array().unwrap().iter().map(|variable| {
            let name = variable["name"].as_str().unwrap();
            let flag = flags.get(name).unwrap_or_else(|| panic!("the operator does not read {name}"));
            format!("--{flag}={}", variable["value"].as_str().unwrap_or("from-the-pod"))
        });
        Args::try_parse_from(iter::once("operator".to_owned()).chain(arguments)).unwrap();
    }
}

/// The variable and the name of a flag.
fn flag(argument: &Arg) -> Option<(String, String)> {
    Some((argument.get_env()?.to_str()?.to_owned(), argument.get_long()?.to_owned()))
}

#[test]
fn the_pod_satisfies_the_restricted_standard() {
    let objects = render(&[]);
    let pod = &the(&objects, "Deployment")["spec"]["template"]["spec"];

    assert_eq!(
        pod["securityContext"],
        json!({
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"},
        })
    );
    assert_eq!(
        container(&objects)["securityContext"],
        json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        })
    );
    assert_eq!(pod["volumes"], Value::Null);
}

#[test]
fn standbys_are_kept_by_a_budget_and_chosen_between_by_a_lease() {
    let (one, two) = (render(&[]), render(&["replicas=2"]));

    assert!(of_kind(&one, "PodDisruptionBudget").is_empty(), "with one Pod it would only block a drain");
    assert_eq!(the(&two, "PodDisruptionBudget")["spec"]["minAvailable"], 1);
    let refusal = try_render(&["replicas=2", "leaderElection.enabled=false"]).unwrap_err();
    assert!(refusal.contains("replicas may be more than 1 only with leaderElection.enabled"), "{refusal}");
}

#[test]
fn without_leader_election_two_operators_never_run_at_once() {
    let objects = render(&["leaderElection.enabled=false"]);

    assert_eq!(the(&objects, "Deployment")["spec"]["strategy"], json!({"type": "Recreate"}));
    assert!(of_kind(&objects, "Role").is_empty(), "no right to a lease that is not used");
}

#[test]
fn selectors_find_the_pods_and_stay_the_same_across_versions() {
    let objects = render(&["metrics.serviceMonitor.enabled=true", "podLabels.team=savannah", "replicas=2"]);
    let deployment = the(&objects, "Deployment");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let expected =
        json!({"app.kubernetes.io/name": "private-registry-operator", "app.kubernetes.io/instance": RELEASE});

    assert_eq!(deployment["spec"]["selector"]["matchLabels"], expected);
    assert_eq!(the(&objects, "Service")["spec"]["selector"], expected);
    assert_eq!(the(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"], expected);
    assert_eq!(labels["team"], "savannah");
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(labels[key], *value);
    }
}

#[test]
fn metrics_are_scraped_where_the_operator_serves_them() {
    let objects = render(&["metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.labels.release=prometheus"]);
    let (service, monitor) = (the(&objects, "Service"), the(&objects, "ServiceMonitor"));

    for (key, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(service["metadata"]["labels"][key], *value, "the monitor finds the Service by {key}");
    }
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], container(&objects)["ports"][0]["name"]);
    assert!(try_render(&["metrics.serviceMonitor.enabled=true", "metrics.service.enabled=false"]).is_err());
}

#[test]
fn an_account_of_ones_own_has_to_be_named() {
    let objects = render(&["serviceAccount.create=false", "serviceAccount.name=keeper"]);

    assert!(of_kind(&objects, "ServiceAccount").is_empty());
    assert_eq!(the(&objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"], "keeper");
    assert!(try_render(&["serviceAccount.create=false"]).unwrap_err().contains("serviceAccount.name has to say"));
}

//! What may be written into values: every key is described, of a type, and refused by its name where it is wrong.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::tools::{CHART, documents, read, refused_values, try_render};

/// Values that are parts of Kubernetes' own types: the schema names their fields, the API server knows what is in them.
const OF_KUBERNETES: [&str; 6] = [
    "affinity",
    "podSecurityContext",
    "resources.claims",
    "securityContext",
    "tolerations",
    "topologySpreadConstraints",
];

/// Written by Helm for charts in charts, or by those who need it: no defaults.
const WITHOUT_DEFAULT: [&str; 2] = ["global", "claims"];

fn values() -> Value {
    documents(&read(&format!("{CHART}/values.yaml"))).remove(0)
}

fn schema() -> Value {
    serde_json::from_str(&read(&format!("{CHART}/values.schema.json"))).unwrap()
}

/// What the schema says of every value, by its path, such as `image.tag`; of a map of one's own or a part of Kubernetes' types once.
fn described() -> BTreeMap<String, Value> {
    fn collect(path: &str, node: &Value, found: &mut BTreeMap<String, Value>) {
        for (key, node) in node["properties"].as_object().into_iter().flatten().filter(|(key, _)| *key != "global") {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if !OF_KUBERNETES.contains(&path.as_str()) {
                collect(&path, node, found);
            }
            found.insert(path, node.clone());
        }
    }
    let mut found = BTreeMap::new();
    collect("", &schema(), &mut found);
    found
}

/// The values that have no others below them.
pub(crate) fn leaves() -> Vec<String> {
    let described = described();
    let is_leaf = |path: &&String| !described.keys().any(|other| other.starts_with(&format!("{path}.")));
    described.keys().filter(is_leaf).cloned().collect()
}

/// A definition's content where the schema refers to one.
fn resolved(node: &Value, schema: &Value) -> Value {
    let reference = node["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    reference.map_or_else(|| node.clone(), |path| schema.pointer(path).unwrap().clone())
}

/// Both ways: a value without a schema would be refused, a schema without a value would be a key nobody can find.
#[test]
fn schema_and_values_know_the_same_keys() {
    fn compare(path: &str, value: &Value, schema: &Value) {
        let (Some(values), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else { return };
        assert_eq!(schema["additionalProperties"], false, "{path} takes any key");
        for (key, value) in values {
            let property = properties.get(key).unwrap_or_else(|| panic!("the schema does not know {path}.{key}"));
            compare(&format!("{path}.{key}"), value, property);
        }
        let of_kubernetes = OF_KUBERNETES.contains(&path.trim_start_matches('.'));
        for key in properties.keys().filter(|key| !of_kubernetes && !WITHOUT_DEFAULT.contains(&key.as_str())) {
            assert!(values.contains_key(key), "values.yaml does not show {path}.{key}");
        }
    }

    compare("", &values(), &schema());
}

#[test]
fn every_value_is_described_and_of_a_type_and_takes_no_unknown_key() {
    fn judge(path: &str, node: &Value, schema: &Value) {
        let node = resolved(node, schema);
        assert!(node["type"].is_string() || node["type"].is_array(), "{path} is of no type");
        if node["type"] == "object" && !OF_KUBERNETES.iter().any(|known| path.starts_with(&format!("{known}."))) {
            let further = &node["additionalProperties"];
            assert!(*further == false || further["type"] != Value::Null, "{path} takes any key");
        }
        if node["type"] == "array" {
            judge(&format!("{path}.items"), &node["items"], schema);
        }
    }
    let schema = schema();
    for (path, node) in described() {
        let description = node["description"].as_str().unwrap_or_default();
        assert!(description.len() > 10 && description.ends_with(['.', ')']), "{path}: {description:?}");
        judge(&path, &node, &schema);
    }
}

/// The comment above each key of values.yaml, in one line.
fn comments() -> BTreeMap<String, String> {
    let (mut found, mut path, mut comment) = (BTreeMap::new(), Vec::<String>::new(), Vec::new());
    for line in read(&format!("{CHART}/values.yaml")).lines().skip(1) {
        let text = line.trim_start();
        if let Some(words) = text.strip_prefix('#') {
            comment.push(words.trim().to_owned());
        } else if let Some((key, _)) = text.split_once(':').filter(|(key, _)| !key.contains(['"', ' ', '-'])) {
            path.truncate((line.len() - text.len()) / 2);
            path.push(key.to_owned());
            if !comment.is_empty() {
                found.insert(path.join("."), comment.join(" "));
            }
            comment.clear();
        } else {
            comment.clear();
        }
    }
    found
}

#[test]
fn the_schema_says_of_a_value_what_the_file_of_values_says() {
    let described = described();
    let comments = comments();
    assert!(comments.len() > 30, "{comments:?}");
    for (path, comment) in comments {
        let node = described.get(&path).unwrap_or_else(|| panic!("the schema does not know {path}"));
        assert_eq!(node["description"], comment, "{path}: values.yaml and values.schema.json differ");
    }
}

/// Sets what is at the dotted `path`.
fn set(values: &mut Value, path: &str, value: Value) {
    let mut place = values;
    for key in path.split('.') {
        place = &mut place[key];
    }
    *place = value;
}

#[test]
fn a_value_of_the_wrong_type_is_refused_by_its_name() {
    let (schema, described) = (schema(), described());
    let mut values = json!({});
    let mut expected = Vec::new();
    for path in leaves() {
        let node = resolved(&described[&path], &schema);
        let wrong = if node["type"] == "string" { json!(7) } else { json!("wrong") };
        expected.push(format!(
            "at '/{}': got {}, want ",
            path.replace('.', "/"),
            if wrong.is_number() { "number" } else { "string" }
        ));
        set(&mut values, &path, wrong);
    }
    let refusal = refused_values(&values);
    for told in expected {
        assert!(refusal.contains(&told), "{told:?} is not in:\n{refusal}");
    }
}

#[test]
fn a_key_that_there_is_not_is_refused_wherever_it_stands() {
    let described = described();
    let objects: Vec<_> = described.iter().filter(|(_, node)| node["additionalProperties"] == false).collect();
    let mut values = json!({"unheard-of": 1});
    for (path, _) in &objects {
        set(&mut values, &format!("{path}.unheard-of"), json!(1));
    }
    let refusal = refused_values(&values);
    for path in objects.iter().map(|(path, _)| path.replace('.', "/")).chain([String::new()]) {
        let slash = if path.is_empty() { "" } else { "/" };
        let told = format!("at '{slash}{path}': additional properties 'unheard-of' not allowed");
        assert!(refusal.contains(&told), "{told:?} is not in:\n{refusal}");
    }
}

#[test]
fn a_value_that_means_nothing_is_refused() {
    for value in [
        "replica=2",
        "replicas=-1",
        "image.name=operator",
        "image.repository=privateregistry/operator:0.1.0",
        "image.digest=sha256:1234",
        "image.tag=7",
        "image.pullPolicy=Sometimes",
        "serverImage.pullPolicy=Always",
        "watchNamespaces=lion",
        "watchNamespaces={Lion}",
        "watchNamespaces={lion,lion}",
        "pullSecrets.namespaces=lion",
        "pullSecrets.namespaces={Lion}",
        "exposure.allowedHosts={*}",
        "exposure.allowedHosts={https://registry.example.com}",
        "exposure.allowedServiceTypes={ExternalName}",
        "exposure.allowedAnnotations={example.com/a/b}",
        "clusterDomain=Savannah",
        "concurrency=0",
        "log.format=xml",
        "log.level=loud",
        "credentials.gracePeriod=soon",
        "metrics.service.port=70000",
        "metrics.serviceMonitor.interval=often",
        "metrics.prometheusRule.certificateDays=0",
        "podLabels.size=3",
        "podSecurityContext.runAsUsr=7",
        "tolerations[0].efect=NoSchedule",
        r"commonLabels.app\.kubernetes\.io/name=savannah",
    ] {
        let refusal = try_render(&[value]).expect_err(value);
        let key = value.split(['=', '.', '[']).next().unwrap();
        assert!(refusal.contains("specifications of the schema") && refusal.contains(key), "{value}: {refusal}");
    }
}

/// The CRD has the same types, generated from those of Kubernetes.
#[test]
fn fields_of_kubernetes_types_are_those_that_kubernetes_has() {
    let crd = documents(&read("crds/privateregistries.yaml")).remove(0);
    let spec = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties").unwrap();
    let schema = schema();
    let names = |node: &Value| node["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (name, items) in [
        ("affinity", ""),
        ("podSecurityContext", ""),
        ("tolerations", "/items"),
        ("topologySpreadConstraints", "/items"),
    ] {
        let (ours, theirs) = (&schema["properties"][name], &spec[name]);
        assert_eq!(names(ours.pointer(items).unwrap()), names(theirs.pointer(items).unwrap()), "{name}");
    }
}

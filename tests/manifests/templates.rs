//! Each template of the chart, value by value: what a value changes in the objects of that template.
//!
//! A file here is a template, and a [`Case`] one promise about it. [`every_value_has_a_case_in_every_template_that_it_changes`] keeps
//! the tables whole: it sets each value and looks which templates become another text.

mod check;
mod crd;
mod deployment;
mod exposure_policy;
mod metrics;
mod monitoring;
mod node_trust;
mod notes;
mod pod;
mod pod_disruption_budget;
mod roles;
mod service_account;
mod user_roles;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::tools::{CHART, documents, identity, install, root};
use crate::values::leaves;

/// Every template with its cases.
const TEMPLATES: [(&str, &[Case]); 14] = [
    ("NOTES.txt", notes::CASES),
    ("crd.yaml", crd::CASES),
    ("deployment.yaml", deployment::CASES),
    ("deployment.yaml", pod::OF_DEPLOYMENT),
    ("exposure_policy.yaml", exposure_policy::CASES),
    ("metrics.yaml", metrics::CASES),
    ("monitoring.yaml", monitoring::CASES),
    ("node_trust.yaml", node_trust::CASES),
    ("pod_disruption_budget.yaml", pod_disruption_budget::CASES),
    ("roles.yaml", roles::CASES),
    ("service_account.yaml", service_account::CASES),
    ("tests/check.yaml", check::CASES),
    ("tests/check.yaml", pod::OF_CHECK),
    ("user_roles.yaml", user_roles::CASES),
];

/// Names and labels, which all templates have from `_helpers.tpl`: [`names_and_labels_reach_every_object`] is about these.
const OF_ALL: [&str; 3] = ["commonLabels", "fullnameOverride", "nameOverride"];

/// What values do to a template.
#[derive(Debug)]
struct Case {
    /// In YAML; those that are not named are the defaults.
    values: &'static str,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    /// Of the object of a kind, or `Kind name` where there are several, at a JSON pointer, there is this YAML. `null`: nothing.
    Has(&'static str, &'static str, &'static str),
    /// There is no such object.
    HasNo(&'static str),
    /// The text has this in it.
    Says(&'static str),
    /// The text has this not in it.
    DoesNotSay(&'static str),
}

const fn has(values: &'static str, object: &'static str, at: &'static str, yaml: &'static str) -> Case {
    Case { values, outcome: Outcome::Has(object, at, yaml) }
}

const fn has_no(values: &'static str, object: &'static str) -> Case {
    Case { values, outcome: Outcome::HasNo(object) }
}

const fn says(values: &'static str, text: &'static str) -> Case {
    Case { values, outcome: Outcome::Says(text) }
}

const fn does_not_say(values: &'static str, text: &'static str) -> Case {
    Case { values, outcome: Outcome::DoesNotSay(text) }
}

fn yaml(text: &str) -> Value {
    documents(text).into_iter().next().unwrap_or_default()
}

impl Case {
    fn values(&self) -> Value {
        if self.values.is_empty() { json!({}) } else { yaml(self.values) }
    }

    /// Whether it is so in the text that a template has become.
    fn holds(&self, text: &str) -> bool {
        match self.outcome {
            Outcome::Has(object, at, expected) => {
                let found = object_of(text, object).and_then(|object| object.pointer(at).cloned());
                found.unwrap_or_default() == yaml(expected)
            }
            Outcome::HasNo(object) => object_of(text, object).is_none(),
            Outcome::Says(words) => text.contains(words),
            Outcome::DoesNotSay(words) => !text.contains(words),
        }
    }

    /// The values that it sets.
    fn leaves(&self) -> Vec<String> {
        let values = self.values();
        let set = |path: &String| values.pointer(&format!("/{}", path.replace('.', "/"))).is_some();
        leaves().into_iter().filter(set).collect()
    }

    /// Its values without one of them.
    fn without(&self, leaf: &str) -> Value {
        let mut values = self.values();
        let path: Vec<_> = leaf.split('.').collect();
        remove(&mut values, &path);
        values
    }
}

/// Takes what is at `path` out of `values`, and what is left empty by that.
fn remove(values: &mut Value, path: &[&str]) {
    let (Some(fields), [first, rest @ ..]) = (values.as_object_mut(), path) else { return };
    if let Some(inner) = fields.get_mut(*first).filter(|_| !rest.is_empty()) {
        remove(inner, rest);
        if *inner != json!({}) {
            return;
        }
    }
    fields.remove(*first);
}

/// The object of `text` that is meant by a kind, or by a kind and the end of a name.
fn object_of(text: &str, meant: &str) -> Option<Value> {
    let (kind, name) = meant.split_once(' ').unwrap_or((meant, ""));
    let mut objects =
        documents(text).into_iter().filter(|object| object["kind"] == kind && identity(object).ends_with(name));
    let object = objects.next();
    assert!(objects.next().is_none(), "{meant} is not the only one");
    object
}

/// What each template has become, or nothing where the values were refused.
type Rendered = Option<BTreeMap<String, String>>;

/// What each template becomes with these values. Renders the same values once.
fn rendered(values: &Value) -> Rendered {
    static KNOWN: LazyLock<Mutex<HashMap<String, Rendered>>> = LazyLock::new(Mutex::default);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = values.to_string();
    if let Some(rendered) = known().get(&key) {
        return rendered.clone();
    }
    let rendered = install(values).ok().map(|text| parts(&text));
    known().insert(key, rendered.clone());
    rendered
}

/// The output of `helm install` by template.
fn parts(output: &str) -> BTreeMap<String, String> {
    let (objects, notes) = output.split_once("\nNOTES:\n").expect("the chart has notes");
    let mut parts = BTreeMap::from([("NOTES.txt".to_owned(), notes.to_owned())]);
    for part in objects.split("\n# Source: private-registry-operator/templates/").skip(1) {
        let (name, text) = part.split_once('\n').unwrap();
        let text = text.trim_end().trim_end_matches("\nMANIFEST:").trim_end().trim_end_matches("---").trim_end();
        let all = parts.entry(name.to_owned()).or_default();
        *all = format!("{all}\n---\n{text}");
    }
    parts
}

/// All cases of a template.
fn cases_of(template: &str) -> impl Iterator<Item = &'static Case> {
    TEMPLATES.iter().filter(move |(name, _)| *name == template).flat_map(|(_, cases)| *cases)
}

/// Every case of a template holds, and none of them holds anyway.
fn judge(template: &str) {
    let of = |values: &Value| {
        let rendered = rendered(values).unwrap_or_else(|| panic!("refused: {values}"));
        rendered.get(template).cloned().unwrap_or_default()
    };
    let plain = of(&json!({}));
    for case in cases_of(template) {
        let text = of(&case.values());
        assert!(case.holds(&text), "{template}: {case:?} is not so in\n{text}");
        assert!(case.values.is_empty() || !case.holds(&plain), "{template}: {case:?} is so without these values too");
    }
}

#[test]
fn every_template_has_cases() {
    let mut files = Vec::new();
    for folder in ["templates", "templates/tests"] {
        for entry in fs::read_dir(root().join(CHART).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root().join(CHART).join("templates")).unwrap().to_str().unwrap().to_owned();
            if path.is_file() && !name.starts_with('_') {
                files.push(name);
            }
        }
    }
    files.sort();
    let mut known = TEMPLATES.map(|(name, _)| name).to_vec();
    known.dedup();
    assert_eq!(files, known, "a template needs a module of its own in tests/manifests/templates");
    assert!(TEMPLATES.iter().all(|(_, cases)| !cases.is_empty()));
}

#[test]
fn every_value_has_a_case_in_every_template_that_it_changes() {
    let case_of = |template: &str, leaf: &String| cases_of(template).any(|case| case.leaves().contains(leaf));
    let mut untested: BTreeSet<String> = leaves().into_iter().filter(|leaf| !OF_ALL.contains(&leaf.as_str())).collect();
    for case in TEMPLATES.iter().flat_map(|(_, cases)| *cases) {
        let with = rendered(&case.values()).unwrap_or_else(|| panic!("refused: {case:?}"));
        for leaf in case.leaves() {
            // Some values are refused without others.
            let Some(without) = rendered(&case.without(&leaf)) else { continue };
            let names: BTreeSet<_> = with.keys().chain(without.keys()).collect();
            for template in names.into_iter().filter(|name| with.get(*name) != without.get(*name)) {
                assert!(case_of(template, &leaf), "{leaf} changes {template}, whose module has no case with it");
                untested.remove(&leaf);
            }
        }
    }
    assert!(untested.is_empty(), "no case shows what these values do: {untested:?}");
}

/// Whatever else is switched on.
const EVERYTHING: &str = "{replicas: 2, exposure: {restricted: true}, metrics: {serviceMonitor: {enabled: true},
    prometheusRule: {enabled: true}, dashboard: {enabled: true}}, nodeTrust: {enabled: true}}";

#[test]
fn names_and_labels_reach_every_object() {
    let objects = |more: Value| {
        let mut values = yaml(EVERYTHING);
        values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let rendered = rendered(&values).unwrap();
        rendered
            .iter()
            .filter(|(name, _)| *name != "NOTES.txt")
            .flat_map(|(_, text)| documents(text))
            .collect::<Vec<_>>()
    };
    for (more, start) in [
        (json!({}), "giraffe-private-registry-operator"),
        (json!({"nameOverride": "keeper"}), "giraffe-keeper"),
        (json!({"fullnameOverride": "keeper"}), "keeper"),
    ] {
        for object in objects(more).iter().filter(|object| object["kind"] != "CustomResourceDefinition") {
            assert!(
                object["metadata"]["name"].as_str().unwrap().starts_with(start),
                "{} is not {start}",
                identity(object)
            );
        }
    }
    let labelled = objects(json!({"commonLabels": {"team": "savannah"}}));
    assert!(labelled.len() > 12);
    for object in labelled {
        assert_eq!(object["metadata"]["labels"]["team"], "savannah", "{}", identity(&object));
    }
}

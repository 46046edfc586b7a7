//! Files of the repository, the programs that work on them, and the few questions the tests ask about objects.

use std::{env, ffi::OsString, fs, process::Command};

use serde_json::Value;
pub(crate) use support::root;

/// The namespace and name under which the tests render the chart: not the documented ones, so that a name which is not
/// derived from the release shows.
pub(crate) const NAMESPACE: &str = "zoo";
pub(crate) const RELEASE: &str = "giraffe";

/// The chart's folder.
pub(crate) const CHART: &str = "charts/private-registry-operator";

/// The text of a file, named from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("failed to read {path}: {error}"))
}

/// The documents of a YAML text; empty ones are left out.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("failed to parse YAML: {error}\n{yaml}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// Runs a program and gives its standard output, or what it wrote to standard error.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).current_dir(root()).env("PATH", search_path()).output();
    let output = output.unwrap_or_else(|error| panic!("failed to run {program}: {error}; `make setup` installs it"));
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).expect("UTF-8"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The programs that this clone pins come before the machine's.
fn search_path() -> OsString {
    let pinned = root().join(".cluster/bin");
    let machine = env::var_os("PATH").unwrap_or_default();
    env::join_paths([pinned].into_iter().chain(env::split_paths(&machine))).expect("no colon in the path of this clone")
}

/// What `helm template` makes of the chart with these `--set` values, or its refusal.
pub(crate) fn try_render(values: &[&str]) -> Result<Vec<Value>, String> {
    let mut arguments = vec!["template", RELEASE, CHART, "--namespace", NAMESPACE];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    run("helm", &arguments).map(|yaml| documents(&yaml))
}

/// What `helm install` would install and say with these values, or its refusal. Asks no cluster.
pub(crate) fn install(values: &Value) -> Result<String, String> {
    let file = tempfile::NamedTempFile::new().expect("a file for values");
    fs::write(file.path(), values.to_string()).expect("values in a file");
    let file = file.path().to_str().expect("UTF-8");
    run("helm", &["install", RELEASE, CHART, "--dry-run=client", "--namespace", NAMESPACE, "--values", file])
}

/// Why the chart refuses these values.
pub(crate) fn refused_values(values: &Value) -> String {
    install(values).expect_err("values that are wrong are refused")
}

/// What `helm template` makes of the chart with these `--set` values.
pub(crate) fn render(values: &[&str]) -> Vec<Value> {
    try_render(values).unwrap_or_else(|error| panic!("failed to render the chart with {values:?}: {error}"))
}

/// The objects of a kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The one object of a kind.
pub(crate) fn the<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    match of_kind(objects, kind)[..] {
        [object] => object,
        ref found => panic!("there are {} objects of kind {kind}, not one", found.len()),
    }
}

/// `Kind namespace/name`, for messages and comparisons.
pub(crate) fn identity(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

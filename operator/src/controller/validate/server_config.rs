//! What the spec adds to the server's config.yml and environment, read as the server reads it: what would keep it from starting,
//! or would have no effect, is found before a Pod ends for its sake.

use registry_config::{
    Config,
    checks::check,
    defaults,
    document::{Report, shape},
    environment,
    keys::Described,
    yaml,
};
use serde_json::{Map, Value};

use super::Error;
use crate::{
    api::v1alpha1::{OWN_HTTP_KEYS, OWN_KEYS, PrivateRegistrySpec},
    controller::{
        observe::Observed,
        registry::{About, Problem},
    },
    names::key,
};

/// Mistakes that are told; more of them are counted.
const TOLD: usize = 5;

/// The keys. While there is something wrong with them, those that are in force, and a problem that names what it is.
pub(super) fn server_config(
    spec: &PrivateRegistrySpec,
    observed: &Observed,
    problems: &mut Vec<Problem>,
) -> Result<Box<Config>, Error> {
    let mistakes = match keys(spec) {
        Ok(config) => return Ok(Box::new(config)),
        Err(mistakes) => told(mistakes),
    };
    let Some(in_force) = in_force(observed) else { return Err(Error::Config(mistakes)) };
    problems.push(Problem {
        about: About::Configuration,
        reason: "InvalidConfig",
        message: format!(
            "spec.config: {mistakes}; until that is corrected the server runs with the configuration of before"
        ),
        may_pass: false,
    });
    Ok(Box::new(in_force))
}

/// What the server runs with now, without the operator's own keys.
fn in_force(observed: &Observed) -> Option<Config> {
    let text = observed.config.as_ref()?.data.as_ref()?.get(key::CONFIG)?;
    let mut document = yaml::parse(text, Config::NODE, "", &mut Report::default()).ok()?;
    let map = document.as_object_mut()?;
    OWN_KEYS.iter().for_each(|(key, _)| drop(map.remove(*key)));
    if let Some(http) = map.get_mut("http").and_then(Value::as_object_mut) {
        OWN_HTTP_KEYS.iter().for_each(|key| drop(http.remove(*key)));
    }
    // Whatever the server of then made of it.
    typed(document, &mut Report::default()).ok().map(|(config, _)| config)
}

fn told(mut mistakes: Vec<String>) -> String {
    let more = mistakes.len().saturating_sub(TOLD);
    mistakes.truncate(TOLD);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    mistakes.join("; ") + &more
}

/// The keys as the server understands them, or why it would not.
fn keys(spec: &PrivateRegistrySpec) -> Result<Config, Vec<String>> {
    let written = &spec.config;
    let own = own_keys(written);
    if !own.is_empty() {
        return Err(own);
    }
    let mut document = Value::Object(written.clone());
    let config = read(document.clone())?;
    // The file holds what is written here; the variables are applied by the server itself, and only tried out.
    let mut report = Report::default();
    environment::apply(&mut document, variables(spec), &mut report);
    finish(report)?;
    read(document)?;
    Ok(config)
}

/// What the rules of the CRD refuse too; an older one may be installed.
fn own_keys(written: &Map<String, Value>) -> Vec<String> {
    let http = written.get("http");
    let own = OWN_KEYS.iter().filter(|(key, _)| written.contains_key(*key));
    let own_http = OWN_HTTP_KEYS.iter().filter(|key| http.is_some_and(|http| http.get(key).is_some()));
    own.map(|(key, instead)| format!("{key}: {instead}"))
        .chain(own_http.map(|key| format!("http.{key} is the operator's own")))
        .collect()
}

/// A key without effect is a mistake too: nobody reads the server's log for it.
fn read(document: Value) -> Result<Config, Vec<String>> {
    let mut report = Report::default();
    let config = typed(document, &mut report);
    finish(report)?;
    let (config, mut filled) = config.map_err(|error| vec![error.to_string()])?;
    let mut report = Report::default();
    defaults::fill(&mut filled, Config::NODE);
    check(serde_json::from_value(filled).map_err(|error| vec![error.to_string()])?, &mut report);
    finish(report)?;
    Ok(config)
}

/// The configuration in the shape that the keys have, as types and as it was before.
fn typed(document: Value, report: &mut Report) -> Result<(Config, Value), serde_json::Error> {
    let shaped = shape(document, Config::NODE, "", report).unwrap_or_default();
    Ok((serde_json::from_value(shaped.clone())?, shaped))
}

fn finish(report: Report) -> Result<(), Vec<String>> {
    let mistakes = [report.errors, report.warnings].concat();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// Variables whose values stand in the spec; what is in Secrets is the server's to judge.
fn variables(spec: &PrivateRegistrySpec) -> Vec<(String, String)> {
    let values = spec.env.iter().filter(|variable| variable.value_from.is_none());
    values.map(|variable| (variable.name.clone(), variable.value.clone().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests;

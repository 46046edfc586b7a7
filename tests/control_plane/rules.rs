//! Every rule of the definition, by the API server itself: what it refuses with which words, and what it takes.

mod table;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use support::control_plane::on_control_plane;
use support::namespace::Namespace;
use support::registry;

use self::table::{CHANGES, Change, NAMES, Row, SPECS};

#[tokio::test]
async fn every_rule_refuses_what_it_should_in_its_own_words_and_nothing_else() -> Result<()> {
    on_control_plane("rules", async |stage| {
        for Row { says, refused, accepted } in SPECS {
            refuses(&create(&stage.namespace, "larder", refused).await, says).with_context(|| refused.to_string())?;
            create(&stage.namespace, "larder", accepted).await.with_context(|| format!("{says}: {accepted}"))?;
        }
        for Row { says, refused, accepted } in NAMES {
            refuses(&create(&stage.namespace, refused, "{}").await, says).with_context(|| refused.to_string())?;
            create(&stage.namespace, accepted, "{}").await.with_context(|| accepted.to_string())?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_rule_about_changes_lets_the_good_ones_through() -> Result<()> {
    on_control_plane("rules-of-change", async |stage| {
        let api = registries(&stage.namespace);
        for (number, Change { says, before, refused, accepted }) in CHANGES.iter().enumerate() {
            let name = format!("larder-{number}");
            let made = api.create(&PostParams::default(), &object(&name, before)?).await?;
            refuses(&change(&api, &made, refused).await, says).with_context(|| format!("{before} to {refused}"))?;
            change(&api, &made, accepted).await.with_context(|| format!("{before} to {accepted}"))?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn no_rule_is_without_a_row() -> Result<()> {
    on_control_plane("rules-table", async |stage| {
        let definitions = Api::<CustomResourceDefinition>::all(stage.namespace.client.clone());
        let installed = definitions.get("privateregistries.privateregistry.io").await?;
        let mut messages = Vec::new();
        sentences(&serde_json::to_value(installed)?, &mut messages);
        let rows: Vec<&str> =
            SPECS.iter().chain(NAMES).map(|row| row.says).chain(CHANGES.iter().map(|row| row.says)).collect();
        let missing: Vec<&String> =
            messages.iter().filter(|rule| !rows.iter().any(|says| rule.contains(says))).collect();
        ensure!(
            messages.len() > 30 && missing.is_empty(),
            "no row in tests/control_plane/rules/table.rs for {missing:#?}"
        );
        Ok(())
    })
    .await
}

/// The sentences of all rules in a definition.
fn sentences(value: &Value, found: &mut Vec<String>) {
    for rule in value["x-kubernetes-validations"].as_array().into_iter().flatten() {
        found.push(rule["message"].as_str().unwrap_or_default().to_owned());
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|value| sentences(value, found)),
        Value::Array(items) => items.iter().for_each(|value| sentences(value, found)),
        _ => {}
    }
}

fn registries(namespace: &Namespace) -> Api<DynamicObject> {
    Api::namespaced_with(namespace.client.clone(), namespace.name(), &registry::resource())
}

/// A registry with this spec, in YAML.
fn object(name: &str, spec: &str) -> Result<DynamicObject> {
    let spec: Value = serde_saphyr::from_str(spec)?;
    let mut object = DynamicObject::new(name, &registry::resource());
    object.data = json!({ "spec": spec });
    Ok(object)
}

/// What the API server says to a new registry, without making it.
async fn create(namespace: &Namespace, name: &str, spec: &str) -> Result<()> {
    let how = PostParams { dry_run: true, ..PostParams::default() };
    registries(namespace).create(&how, &object(name, spec)?).await?;
    Ok(())
}

/// What the API server says to another spec, without taking it.
async fn change(api: &Api<DynamicObject>, made: &DynamicObject, spec: &str) -> Result<()> {
    let mut changed = object(&made.name_any(), spec)?;
    changed.metadata = made.metadata.clone();
    let how = PostParams { dry_run: true, ..PostParams::default() };
    api.replace(&made.name_any(), &how, &changed).await?;
    Ok(())
}

fn refuses(answer: &Result<()>, says: &str) -> Result<()> {
    let Err(refusal) = answer else { anyhow::bail!("it was taken, and {says:?} is what should have been said") };
    ensure!(format!("{refusal:#}").contains(says), "{refusal:#} does not say {says:?}");
    Ok(())
}

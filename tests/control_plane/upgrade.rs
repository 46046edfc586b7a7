//! From the chart before this one to this one, back, and forth again: nothing is issued anew, nothing is made anew, and what is
//! stored stays valid.

mod before;
mod fields;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::ResourceExt as _;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use support::control_plane::{Options, Stage, on_own_control_plane};
use support::figure::figure;
use support::manifest;
use support::registry::{self, Registry};
use support::wait::eventually;

/// The registries of `children.yaml`.
const REGISTRIES: [&str; 2] = ["plain", "team"];

/// Keys of Secrets that a client or a node has, or that others follow from.
const ISSUED: [(&str, &[&str]); 7] = [
    ("ca", &["tls.crt", "tls.key"]),
    ("tls", &["tls.crt", "tls.key", "ca.crt"]),
    ("credentials", &["pull", "push"]),
    ("htpasswd", &["htpasswd"]),
    ("http", &["secret"]),
    ("pull", &["username", "password", "ca.crt"]),
    ("push", &["username", "password", "ca.crt"]),
];

#[tokio::test]
async fn an_upgrade_a_rollback_and_another_upgrade_issue_and_make_nothing_anew() -> Result<()> {
    on_own_control_plane("upgrade", Options::default(), async |stage| {
        to_before(stage).await?;
        before::load(stage).await?;
        let _controllers = stage.play_controllers();
        let found = Kept::of(stage).await?;

        to_now(stage).await?;
        upgraded(stage).await?;
        found.ensure_kept(&Kept::of(stage).await?)?;
        for name in REGISTRIES {
            let deployment = stage.namespace.api::<Deployment>().get(name).await?;
            figure(&format!("upgrade: rollouts of {name}"), deployment.metadata.generation.unwrap_or_default() - 1);
        }

        // Rolled back, the operator of before writes what it has always written; what it does not know stays unread.
        to_before(stage).await?;
        before::load(stage).await?;
        found.ensure_kept(&Kept::of(stage).await?)?;

        to_now(stage).await?;
        upgraded(stage).await?;
        found.ensure_kept(&Kept::of(stage).await?)
    })
    .await
}

#[tokio::test]
async fn what_an_older_definition_has_stored_stays_valid_and_goes_back() -> Result<()> {
    on_own_control_plane("definition", Options::default(), async |stage| {
        to_before(stage).await?;
        let written = manifest::parse_all(&std::fs::read_to_string(before::file("registries.yaml"))?)?;
        fields::ensure_every_field_is_used(&written)?;
        let api = registries(stage);
        for object in &written {
            api.patch(&object.name_any(), &PatchParams::apply("a-user"), &Patch::Apply(object)).await?;
        }
        let stored = specs(&api).await?;

        to_now(stage).await?;
        for (name, spec) in &stored {
            let now = api.get(name).await?;
            contains(&now.data["spec"], spec).with_context(|| format!("{name} has lost something"))?;
            let label = Patch::Merge(json!({"metadata": {"labels": {"example.com/seen": "yes"}}}));
            api.patch(name, &PatchParams::default(), &label).await.with_context(|| format!("{name} is not valid"))?;
        }
        // A field that the older definition does not know.
        let replicas = Patch::Merge(json!({"spec": {"replicas": 0}}));
        api.patch("plain", &PatchParams::default(), &replicas).await?;

        to_before(stage).await?;
        for (name, spec) in &stored {
            let back = api.get(name).await?;
            ensure!(back.data["spec"] == *spec, "{name} is not what it was: {} and {spec}", back.data["spec"]);
            let label = Patch::Merge(json!({"metadata": {"labels": {"example.com/seen": "again"}}}));
            api.patch(name, &PatchParams::default(), &label).await.with_context(|| format!("{name} is not valid"))?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_newer_rules_refuse_stays_until_it_is_written_anew() -> Result<()> {
    on_own_control_plane("ratcheting", Options::default(), async |stage| {
        to_before(stage).await?;
        let api = registries(stage);
        let user = |secret: &str| json!([{"name": "alice", "passwordSecretRef": {"name": secret}}]);
        let old = json!({"apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry",
            "metadata": {"name": "team"}, "spec": {"auth": {"users": user("alice/password")}}});
        api.patch("team", &PatchParams::apply("a-user"), &Patch::Apply(&old)).await?;

        to_now(stage).await?;
        let change = async |spec: Value| {
            api.patch("team", &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await.map(drop)
        };
        change(json!({"podLabels": {"example.com/team": "apps"}})).await.context("another field cannot be changed")?;
        let refusal = change(json!({"auth": {"users": user("bob/password")}})).await;
        let refusal = format!("{:#}", refusal.err().context("a name with a slash is taken")?);
        ensure!(refusal.contains("passwordSecretRef"), "{refusal}");
        change(json!({"auth": {"users": user("alice-password")}})).await.context("it cannot be corrected")
    })
    .await
}

fn registries(stage: &Stage<'_>) -> Api<DynamicObject> {
    Api::namespaced_with(stage.namespace.client.clone(), stage.namespace.name(), &registry::resource())
}

/// The specs of all registries, by name.
async fn specs(api: &Api<DynamicObject>) -> Result<BTreeMap<String, Value>> {
    let all = api.list(&kube::api::ListParams::default()).await?;
    Ok(all.into_iter().map(|object| (object.name_any(), object.data["spec"].clone())).collect())
}

/// That `whole` has everything that `part` has; the rest is what a newer definition fills in.
fn contains(whole: &Value, part: &Value) -> Result<()> {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                contains(whole.get(key).unwrap_or(&Value::Null), value).with_context(|| format!("in {key}"))?;
            }
            Ok(())
        }
        _ => {
            ensure!(whole == part, "{whole} is not {part}");
            Ok(())
        }
    }
}

/// Applies the chart before this one.
async fn to_before(stage: &Stage<'_>) -> Result<()> {
    stage.plane.apply_file(&before::file("install.yaml")).await?;
    until_definition(stage, false).await
}

/// Applies the chart.
async fn to_now(stage: &Stage<'_>) -> Result<()> {
    stage.plane.install().await?;
    until_definition(stage, true).await
}

/// Waits until the API server goes by the new definition, or by that of before.
async fn until_definition(stage: &Stage<'_>, new: bool) -> Result<()> {
    let api = registries(stage);
    let trial = json!({"apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry",
        "metadata": {"name": "trial"}, "spec": {"replicas": 1}});
    let how = PatchParams::apply("a-user").dry_run().validation_strict();
    eventually("the definition to be served", async || {
        let known = api.patch("trial", &how, &Patch::Apply(&trial)).await.is_ok();
        ensure!(known == new, "spec.replicas is {}", if known { "known" } else { "unknown" });
        Ok(())
    })
    .await
}

/// Runs the operator until there is nothing left to do.
async fn upgraded(stage: &Stage<'_>) -> Result<()> {
    let operator = stage.operator()?.start().await?;
    for name in REGISTRIES {
        let team = Registry::named(&stage.namespace, name);
        team.until_ready().await?;
        team.until("the status of this version", |object| object.data["status"]["lastServedGeneration"].is_i64())
            .await?;
    }
    operator.until_at_rest(Duration::from_secs(10)).await.map(drop)
}

/// What an upgrade must not change, by what it is.
#[derive(Debug, Default)]
struct Kept(BTreeMap<String, String>);

impl Kept {
    async fn of(stage: &Stage<'_>) -> Result<Self> {
        let mut kept = BTreeMap::new();
        for name in REGISTRIES {
            let team = Registry::named(&stage.namespace, name);
            for child in team.child_objects().await? {
                let kind = child.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
                let id = format!("{kind}/{}", child.name_any());
                let issued = ISSUED
                    .iter()
                    .filter(|(suffix, _)| kind == "Secret" && child.name_any() == format!("{name}-{suffix}"));
                for key in issued.flat_map(|(_, keys)| *keys) {
                    kept.insert(format!("{key} of {id}"), child.data["data"][key].to_string());
                }
                if kind == "Service" {
                    kept.insert(format!("address of {id}"), child.data["spec"]["clusterIP"].to_string());
                    kept.insert(format!("ports of {id}"), child.data["spec"]["ports"][0]["nodePort"].to_string());
                }
                kept.insert(format!("uid of {id}"), child.uid().unwrap_or_default());
            }
        }
        ensure!(kept.len() > 50, "little was found: {kept:?}");
        Ok(Self(kept))
    }

    fn ensure_kept(&self, now: &Self) -> Result<()> {
        for (what, before) in &self.0 {
            let now = now.0.get(what);
            ensure!(now == Some(before), "{what} was {before} and is {now:?}");
        }
        Ok(())
    }
}

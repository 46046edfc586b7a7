//! The pull Secret reaches the namespaces and service accounts that are to have it, and leaves no trace where it is not asked
//! for any more.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use support::control_plane::{Options, Stage, on_control_plane, on_own_control_plane};
use support::manifest;
use support::registry::{Registry, resource};
use support::wait::{eventually, until_gone};

use crate::place::{Place, TAKES, copy_name, until_counted, until_finalizer};

const EVERYWHERE: &str = "{pullSecrets: {namespaceSelector: {}, serviceAccounts: [default]}}";

fn takes() -> Value {
    json!({TAKES: "true"})
}

#[tokio::test]
async fn copies_follow_labels_rotations_and_whatever_comes_later() -> Result<()> {
    on_own_control_plane("pull_secrets", Options::default(), async |stage| {
        let _operator = stage.operator_of_cluster()?.flags(["--leader-elect=false"]).start().await?;
        let home = Place::existing(stage, stage.namespace.name());
        let hall = Place::new(stage, "hall", takes()).await?;
        let attic = Place::new(stage, "attic", json!({})).await?;
        for place in [&home, &hall, &attic] {
            place.add_account("default").await?;
        }
        let team = stage.namespace.registry("team").spec(EVERYWHERE)?.created().await?;
        let copy = copy_name(&team);

        // What takes copies has one, and nothing else does.
        hall.until_copy_of(&team).await?;
        let entries = ["theirs", copy.as_str()];
        hall.until_account_pulls_with("default", &entries).await?;
        home.until_account_pulls_with("default", &["theirs", "team-pull"]).await?;
        until_counted(&team, 1, 0).await?;
        until_finalizer(&team, true).await?;
        attic.until_account_pulls_with("default", &["theirs"]).await?;

        // A namespace, and an account, that come later.
        let cellar = Place::new(stage, "cellar", takes()).await?;
        cellar.until_copy_of(&team).await?;
        cellar.add_account("default").await?;
        cellar.until_account_pulls_with("default", &entries).await?;

        // Labels that change.
        attic.label(takes()).await?;
        attic.until_copy_of(&team).await?;
        attic.until_account_pulls_with("default", &entries).await?;
        attic.label(json!({TAKES: "false"})).await?;
        attic.until_no_copy_of(&team).await?;
        let account = attic.until_account_pulls_with("default", &["theirs"]).await?;
        ensure!(account.metadata.annotations.is_none(), "left behind: {:?}", account.metadata.annotations);

        rotated_and_damaged_copies_are_put_right(&stage.namespace.api(), &team, [&hall, &cellar]).await?;

        // Nothing is asked for any more.
        team.apply(json!({})).await?;
        for place in [&hall, &cellar] {
            place.until_no_copy_of(&team).await?;
            place.until_account_pulls_with("default", &["theirs"]).await?;
        }
        home.until_account_pulls_with("default", &["theirs"]).await?;
        until_finalizer(&team, false).await
    })
    .await
}

async fn rotated_and_damaged_copies_are_put_right(
    own: &Api<Secret>,
    team: &Registry,
    places: [&Place; 2],
) -> Result<()> {
    let how = PatchParams::default();
    let before = team.credentials("pull").await?.password;
    own.patch("team-credentials", &how, &Patch::Merge(json!({"data": {"pull": null}}))).await?;
    eventually("another password", async || {
        ensure!(team.credentials("pull").await?.password != before, "it is still the old one");
        Ok(())
    })
    .await?;
    for place in places {
        place.until_copy_of(team).await?;
    }
    let [damaged, deleted] = places;
    let damage = Patch::Merge(json!({"stringData": {"password": "none of yours"}}));
    damaged.secrets().patch(&copy_name(team), &how, &damage).await?;
    deleted.secrets().delete(&copy_name(team), &DeleteParams::default()).await?;
    for place in places {
        place.until_copy_of(team).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_of_some_namespaces_copies_to_those_that_are_listed() -> Result<()> {
    on_control_plane("pull_secrets", async |stage| {
        let hall = Place::new(stage, "hall", json!({})).await?;
        // It says so, but an operator of some namespaces cannot read labels.
        let attic = Place::new(stage, "attic", takes()).await?;
        hall.add_account("default").await?;
        let watched = format!("--watch-namespaces={},{}", hall.name, attic.name);
        let listed = format!("--pull-secret-namespaces={},kube-system", hall.name);
        let operator = stage.operator()?.flags([watched.as_str(), listed.as_str()]).start().await?;

        let team = stage.namespace.registry("team").spec(EVERYWHERE)?.created().await?;
        hall.until_copy_of(&team).await?;
        hall.until_account_pulls_with("default", &["theirs", &copy_name(&team)]).await?;
        until_counted(&team, 1, 0).await?;
        pods_pull_with(&hall, &["theirs", &copy_name(&team)]).await?;
        team.until_condition("CredentialsReady", "True", "which it knows by name alone").await?;
        ensure!(attic.secret_names().await?.is_empty(), "{:?}", attic.secret_names().await?);
        operator.until_at_rest(Duration::from_secs(10)).await?;
        ensure!(operator.requests().await?.count("list", "namespaces") == 0, "it has no right to that");

        team.delete().await?;
        hall.until_no_copy_of(&team).await?;
        hall.until_account_pulls_with("default", &["theirs"]).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_deleted_registry_takes_its_copies_along_and_never_hangs() -> Result<()> {
    on_own_control_plane("pull_secrets", Options::default(), async |stage| {
        let request = || Ok::<_, anyhow::Error>(stage.operator_of_cluster()?.flags(["--leader-elect=false"]));
        let mut operator = request()?.start().await?;
        let hall = Place::new(stage, "hall", takes()).await?;
        let doomed = Place::new(stage, "doomed", takes()).await?;
        hall.add_account("default").await?;
        let team = stage.namespace.registry("team").spec(EVERYWHERE)?.created().await?;
        let late = stage.namespace.registry("late").spec(EVERYWHERE)?.created().await?;
        for registry in [&team, &late] {
            hall.until_copy_of(registry).await?;
            doomed.until_copy_of(registry).await?;
        }

        // A namespace that is on its way out; an operator that is not there when the registry is deleted.
        doomed.start_deletion().await?;
        operator.kill();
        registries(stage).delete("team", &DeleteParams::default()).await?;
        operator = request()?.start().await?;
        until_gone(&registries(stage), "team").await?;
        for place in [&hall, &doomed] {
            let left = place.secret_names().await?;
            ensure!(!left.contains(&copy_name(&team)), "left in {}: {left:?}", place.name);
        }
        hall.until_account_pulls_with("default", &["theirs", &copy_name(&late)]).await?;

        // An operator that has lost its rights to Secrets elsewhere, of which the hall's is the only one that is left.
        doomed.until_no_copy_of(&late).await?;
        let rights = stage.plane.set_verbs("secrets", &["get", "list", "watch", "create", "patch"]).await?;
        late.delete().await?;
        let left = format!("let go without removing all copies of the pull Secret: in namespace {}", hall.name);
        eventually("an Event that names what is left", async || {
            let events = stage.namespace.api::<Event>().list(&ListParams::default()).await?;
            let told = events.iter().any(|event| {
                event.reason.as_deref() == Some("PullSecretLeftBehind")
                    && event.note.as_ref().is_some_and(|note| note.starts_with(&left))
            });
            ensure!(told, "there are {:?}", events.iter().map(|event| &event.note).collect::<Vec<_>>());
            Ok(())
        })
        .await?;
        hall.until_account_pulls_with("default", &["theirs"]).await?;

        // What was left goes when the operator has its rights again; so does what a registry leaves whose finalizer was taken away.
        let sly = stage.namespace.registry("sly").spec(EVERYWHERE)?.created().await?;
        hall.until_account_pulls_with("default", &["theirs", &copy_name(&sly)]).await?;
        operator.kill();
        let no_finalizer = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        registries(stage).patch("sly", &PatchParams::default(), &no_finalizer).await?;
        sly.delete().await?;
        stage.plane.set_verbs("secrets", &rights).await?;
        operator = request()?.start().await?;
        for registry in [&late, &sly] {
            hall.until_no_copy_of(registry).await?;
        }
        hall.until_account_pulls_with("default", &["theirs"]).await?;
        operator.stop().await.map(drop)
    })
    .await
}

/// That a Pod which names no Secret pulls with these, as the API server's own admission has it.
async fn pods_pull_with(place: &Place, wanted: &[&str]) -> Result<()> {
    let pod: Pod = manifest::parse("{metadata: {name: app}, spec: {containers: [{name: app, image: app}]}}")?;
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let admitted = place.pods().create(&dry_run, &pod).await?.spec.context("a Pod without spec")?;
    let pulls_with: Vec<_> = admitted.image_pull_secrets.into_iter().flatten().map(|entry| entry.name).collect();
    ensure!(pulls_with == wanted, "it pulls with {pulls_with:?}");
    Ok(())
}

fn registries(stage: &Stage<'_>) -> Api<DynamicObject> {
    Api::namespaced_with(stage.namespace.client.clone(), stage.namespace.name(), &resource())
}

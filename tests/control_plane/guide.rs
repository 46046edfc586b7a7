//! What documents show to be typed where no node is needed for it, as it stands there; and every object that they show.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::json;
use support::control_plane::{Identity, Options, Stage, beside_a_registry, on_control_plane, on_own_control_plane};
use support::guide::{self, Block, Typist};
use support::this_test;
use support::wait::{eventually, until};

use crate::take_over::remove_operator;

/// Name of the kind's definition.
const DEFINITION: &str = "privateregistries.privateregistry.io";

/// The file of the definition of volume snapshots.
const SNAPSHOTS: &str = "snapshot.storage.k8s.io_volumesnapshots";

/// Kinds of other software that documents show and this control plane does not know, each with the test that uses what is shown.
const ELSEWHERE: [(&str, &str); 1] = [("ServersTransport", "ecosystem/traefik")];

/// The test that types how a volume comes back, with images; here it is about what becomes of the claim.
const RESTORE: &str = "e2e/backup::a_registry_has_after_a_restore_what_it_had_at_the_snapshot";

/// What an installation of Argo CD has that a document adds to.
const ARGO_CD: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: argocd}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
";

/// An administrator at a terminal.
fn administrator(stage: &Stage<'_>) -> Result<Typist> {
    Typist::new(stage.plane.kubeconfig_file(&Identity::Administrator, stage.namespace.name())?)
}

#[tokio::test]
async fn what_an_administrator_types_does_what_is_shown() -> Result<()> {
    let mut blocks = guide::of(&this_test!())?;
    // The chart's own page ends with how everything is removed.
    blocks.sort_by_key(|block| block.document.starts_with("charts/"));
    let (install, rest) = blocks.split_first().context("no block")?;
    ensure!(install.text.contains("helm install"), "{} does not install the operator", install.place());

    on_own_control_plane("guide", Options::default(), async |stage| {
        remove_operator(stage).await?;
        let reader = administrator(stage)?;
        reader.types(install).await?;
        let _operator = stage.operator_of_cluster()?.flags(["--leader-elect=false"]).start().await?;
        let _controllers = stage.play_controllers_everywhere();
        stage.plane.apply(ARGO_CD).await?;
        for block in rest {
            reader.types(block).await?;
        }
        let definitions: Api<CustomResourceDefinition> = Api::all(stage.namespace.client.clone());
        ensure!(definitions.get_opt(DEFINITION).await?.is_none(), "the last block leaves the definition");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn kubectl_alone_installs_the_operator() -> Result<()> {
    let blocks = guide::of(&this_test!())?;
    // What is applied is what the control plane has already, so that nobody else on it is disturbed.
    on_control_plane("guide", async |stage| {
        let reader = administrator(stage)?;
        for block in &blocks {
            let told = reader.types(block).await?;
            ensure!(told.contains("deployment.apps/private-registry-operator"), "{}: {told}", block.place());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_snapshot_is_taken_as_it_is_shown() -> Result<()> {
    let blocks = guide::of(&this_test!())?;
    on_control_plane("guide", async |stage| {
        stage.plane.define(SNAPSHOTS).await?;
        let namespace = stage.namespace.name();
        let reader = administrator(stage)?.replacing("apps", namespace);
        let shown = guide::file("snapshot.yaml")?;
        std::fs::write(reader.path("snapshot.yaml"), reader.meant(&shown.text))?;

        // What the driver says when it has taken the snapshot.
        let kind = GroupVersionKind::gvk("snapshot.storage.k8s.io", "v1", "VolumeSnapshot");
        let snapshots: Api<DynamicObject> =
            Api::namespaced_with(stage.namespace.client.clone(), namespace, &ApiResource::from_gvk(&kind));
        let take = async {
            eventually("the snapshot to be asked for", async || Ok(snapshots.get("team-1").await?)).await?;
            let taken = Patch::Merge(json!({"status": {"readyToUse": true}}));
            snapshots.patch_status("team-1", &PatchParams::default(), &taken).await?;
            anyhow::Ok(())
        };
        let type_in = async {
            for block in &blocks {
                reader.types(block).await?;
            }
            Ok(())
        };
        tokio::try_join!(take, type_in).map(drop)
    })
    .await
}

#[tokio::test]
async fn a_claim_is_replaced_by_one_that_begins_with_a_snapshot() -> Result<()> {
    let blocks = guide::of(RESTORE)?;
    beside_a_registry("guide", "{}", async |stage, team| {
        let reader = administrator(stage)?.replacing("apps", stage.namespace.name());
        std::fs::write(reader.path("claim.yaml"), reader.meant(&guide::file("claim.yaml")?.text))?;
        let claims = stage.namespace.api::<PersistentVolumeClaim>();
        let before = claims.get("team").await?.metadata.uid;

        // What a controller manager does when no Pod has the claim any more.
        let release = async {
            until(&claims, "team", "being deleted", |claim| claim.metadata.deletion_timestamp.is_some()).await?;
            let released = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            claims.patch("team", &PatchParams::default(), &released).await?;
            anyhow::Ok(())
        };
        let type_in = async {
            for block in &blocks {
                reader.types(block).await?;
            }
            Ok(())
        };
        tokio::try_join!(release, type_in)?;

        team.until_ready().await?;
        let claim = claims.get("team").await?;
        let source = claim.spec.and_then(|spec| spec.data_source).map(|source| source.name);
        ensure!(claim.metadata.uid != before, "the claim is the one of before");
        ensure!(source.as_deref() == Some("team-1"), "the claim begins with {source:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_object_that_a_document_shows_is_accepted() -> Result<()> {
    on_control_plane("guide", async |stage| {
        stage.plane.define(SNAPSHOTS).await?;
        // What a controller manager makes in every namespace.
        let accounts: Api<ServiceAccount> = Api::namespaced(stage.namespace.client.clone(), "default");
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        accounts.patch("default", &PatchParams::apply("test"), &Patch::Apply(account)).await?;
        // A namespace as most are: what the restricted Pod security standard wants of a Pod is the sample's to show.
        let reader = administrator(stage)?.replacing("apps", "default");
        let mut shown = 0;
        for block in guide::blocks()?.iter().filter(|block| block.language == "yaml" && is_object(block)) {
            shown += 1;
            let applied = reader.applies(block).await;
            applied.with_context(|| format!("{} is refused", block.place()))?;
        }
        ensure!(shown > 15, "{shown} objects in all documents");
        Ok(())
    })
    .await
}

/// Whether `block` is an object of a kind that this control plane knows.
fn is_object(block: &Block) -> bool {
    let kind = |kind: &str| block.text.contains(&format!("\nkind: {kind}"));
    kind("") && !ELSEWHERE.iter().any(|(name, _)| kind(name))
}

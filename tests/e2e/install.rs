//! The operator comes by Helm, whose test passes, or by one file, is upgraded without disturbing a registry, and takes nothing
//! along when it goes.

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use support::command::{command, run, run_with_input};
use support::crane::Crane;
use support::guide::{self, Typist};
use support::image::Image;
use support::namespace::{Namespace, alone_without_operator};
use support::{manifest, operator, root, this_test};

/// Name of the kind's definition.
const DEFINITION: &str = "privateregistries.privateregistry.io";

#[tokio::test(flavor = "multi_thread")]
async fn registries_outlive_the_operator() -> Result<()> {
    alone_without_operator("install", async |namespace| {
        operator::uninstall().await?;

        operator::install(&[]).await?;
        for block in guide::of(&this_test!())? {
            Typist::on_cluster()?.types(&block).await?;
        }
        let team = namespace.registry("team").ready().await?;
        let image = Image::random(2, 1 << 20)?;
        Crane::with(&team, "push").await?.push(&image, "app:1").await?;
        let pod = team.pod().await?;

        let before = operator::pod(&namespace.client).await?;
        operator::install(&["log.level=debug"]).await?;
        assert_ne!(operator::pod(&namespace.client).await?, before, "the upgrade replaces the operator's Pod");
        team.until_ready().await?;
        assert_eq!(team.pod().await?.uid(), pod.uid(), "the upgrade leaves the registry's Pod alone");

        operator::uninstall().await?;
        assert!(!is_deployed(&namespace).await?, "the operator is gone");
        Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await?;
        assert_eq!(team.pod().await?.uid(), pod.uid(), "the registry goes on without its operator");

        by_one_file("apply", &one_file()?).await?;
        namespace.registry("other").ready().await?;
        by_one_file("delete", &without_kinds(&one_file()?, &["CustomResourceDefinition", "Namespace"])?).await?;
        assert!(!is_deployed(&namespace).await?, "the operator is gone");
        leave_definition_to_helm(&namespace).await?;

        operator::install(&[]).await?;
        team.apply(json!({"tls": {"selfSigned": {"dnsNames": ["images.example.test"]}}})).await?;
        team.until_ready().await?;
        assert_eq!(team.pod().await?.uid(), pod.uid(), "installed again, it finds everything as it should be");
        Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await
    })
    .await
}

/// Whether the operator's Deployment exists.
async fn is_deployed(namespace: &Namespace) -> Result<bool> {
    let deployments: Api<Deployment> = Api::namespaced(namespace.client.clone(), operator::NAMESPACE);
    Ok(deployments.get_opt(operator::RELEASE).await?.is_some())
}

/// deploy/install.yaml, with the images of this run.
fn one_file() -> Result<String> {
    let yaml = std::fs::read_to_string(root().join("deploy/install.yaml"))?;
    let prefix = std::env::var("IMAGE_PREFIX").unwrap_or_else(|_| "privateregistry".to_owned());
    let tag = std::env::var("IMAGE_TAG").unwrap_or_else(|_| env!("CARGO_PKG_VERSION").to_owned());
    let image = |yaml: String, name: &str| {
        let released = format!("privateregistry/{name}:{}", env!("CARGO_PKG_VERSION"));
        yaml.replace(&released, &format!("{prefix}/{name}:{tag}"))
    };
    Ok(image(image(yaml, "operator"), "server"))
}

/// `kubectl apply` or `kubectl delete` of the file; after the first, waits until the operator runs.
async fn by_one_file(verb: &str, yaml: &str) -> Result<()> {
    run_with_input(command("kubectl", [verb, "--filename", "-"]), yaml).await?;
    if verb == "apply" {
        let rollout = ["rollout", "status", "--timeout=2m", "--namespace", operator::NAMESPACE];
        let deployment = format!("deployment/{}", operator::RELEASE);
        run(command("kubectl", rollout.into_iter().chain([deployment.as_str()]))).await?;
    }
    Ok(())
}

/// kubectl has become an owner of the definition's fields beside Helm; left so, a changed definition could not be installed
/// by Helm on this cluster any more.
async fn leave_definition_to_helm(namespace: &Namespace) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(namespace.client.clone());
    let mut owners = definitions.get(DEFINITION).await?.metadata.managed_fields.unwrap_or_default();
    owners.retain(|owner| owner.manager.as_deref() != Some("kubectl-client-side-apply"));
    let left = Patch::Merge(json!({"metadata": {"managedFields": owners}}));
    definitions.patch(DEFINITION, &PatchParams::default(), &left).await?;
    Ok(())
}

/// The file without objects of these kinds: deleting the definition would delete every registry of the cluster.
fn without_kinds(yaml: &str, kinds: &[&str]) -> Result<String> {
    let kind = |object: &DynamicObject| object.types.clone().unwrap_or_default().kind;
    let mut objects = manifest::parse_all(yaml)?;
    objects.retain(|object| !kinds.contains(&kind(object).as_str()));
    serde_json::to_string(&json!({"apiVersion": "v1", "kind": "List", "items": objects}))
        .context("failed to write a list")
}

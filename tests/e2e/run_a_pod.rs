//! A Pod pulls its image from the registry with the generated pull Secret, by the registry's name in the cluster and with no hand on a
//! node.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use support::crane::Crane;
use support::image::Image;
use support::manifest::strict_pod;
use support::namespace::in_namespace;
use support::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_runs_an_image_of_the_registry() -> Result<()> {
    in_namespace("run_a_pod", async |namespace| {
        let team = namespace.registry("team").spec("{nodeTrust: {}}")?.ready().await?;
        Crane::with(&team, "push").await?.push(&Image::app()?, "app:1").await?;
        team.until_condition("NodesTrusted", "True", "nodes find the registry").await?;

        namespace
            .create_object::<Deployment>(&deployment(&team.host(), "imagePullSecrets: [{name: team-pull}]"))
            .await?;
        until(&namespace.api::<Deployment>(), "app", "two available Pods", |deployment: &Deployment| {
            deployment.status.as_ref().and_then(|status| status.available_replicas) == Some(2)
        })
        .await?;

        let pulled = ListParams::default().fields("reason=Pulled,involvedObject.kind=Pod");
        let events = namespace.api::<Event>().list(&pulled).await?;
        let from_registry = format!("Successfully pulled image \"{}/app:1\"", team.host());
        let told: Vec<_> = events.into_iter().filter_map(|event| event.message).collect();
        assert!(told.iter().any(|message| message.starts_with(&from_registry)), "pulled from elsewhere: {told:?}");
        Ok(())
    })
    .await
}

/// Two Pods, as strict as the namespace demands, that pull as `pulling` says.
pub(crate) fn deployment(host: &str, pulling: &str) -> String {
    let pod = strict_pod(host);
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec:
      {pulling}
      {pod}
"
    )
}

//! The registry's Pod is let in where the restricted Pod security standard is enforced, by the API server's own admission.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use support::control_plane::on_control_plane;

/// What a Pod can be given beside what it has by itself.
const GIVEN: &str = "
resources: {limits: {memory: 1Gi}}
podLabels: {shelf: top}
podAnnotations: {example.com/light: 'on'}
podSecurityContext: {fsGroup: 1000, supplementalGroups: [44]}
tolerations: [{key: oven, operator: Exists}]
env: [{name: SPOON, value: silver}]
";

#[tokio::test]
async fn a_registry_s_pod_is_admitted_where_the_restricted_standard_is_enforced() -> Result<()> {
    // Namespaces of tests enforce it.
    on_control_plane("pod_security", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let pods: Api<Pod> = stage.namespace.api();
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        for (name, spec) in [("plain", "{}"), ("given", GIVEN), ("transient", "storage: {emptyDir: {}}")] {
            stage.namespace.registry(name).spec(spec)?.ready().await?;
            let pod = pod_of(&stage.namespace.api::<Deployment>().get(name).await?)?;
            pods.create(&dry_run, &pod).await.with_context(|| name.to_owned())?;
        }

        let mut open = pod_of(&stage.namespace.api::<Deployment>().get("plain").await?)?;
        open.spec.as_mut().and_then(|spec| spec.security_context.as_mut()).context("no context")?.seccomp_profile =
            None;
        let refused = pods.create(&dry_run, &open).await.err().context("admitted without a profile")?.to_string();
        ensure!(refused.contains("violates PodSecurity \"restricted:latest\""), "{refused}");
        Ok(())
    })
    .await
}

/// The Pod that the Deployment's controllers would make.
fn pod_of(deployment: &Deployment) -> Result<Pod> {
    let template = deployment.spec.as_ref().context("no spec")?.template.clone();
    let mut metadata = template.metadata.unwrap_or_default();
    metadata.generate_name = Some("made-of-a-template-".to_owned());
    Ok(Pod { metadata, spec: template.spec, status: None })
}

//! A Certificate is asked for where the spec says so, what is issued is served, and both go with the spec. cert-manager is played
//! here: `tests/ecosystem` has the real one, which takes minutes to build.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use support::control_plane::{Options, on_own_control_plane};
use support::manifest;
use support::namespace::Namespace;
use support::pki::Authority;
use support::wait::{eventually, until, until_gone};

const DEFINITION: &str = "
metadata: {name: certificates.cert-manager.io}
spec:
  group: cert-manager.io
  names: {kind: Certificate, plural: certificates}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

#[tokio::test]
async fn what_cert_manager_issues_is_served_and_goes_with_the_spec() -> Result<()> {
    on_own_control_plane("cert_manager", Options::default(), async |stage| {
        let namespace = &stage.namespace;
        define(namespace).await?;
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team =
            namespace.registry("team").spec("{tls: {certManager: {issuerRef: {name: notary}}}}")?.created().await?;
        let certificate = until(&certificates(namespace), "team", "being made", |_| true).await?;
        assert_eq!(certificate.data["spec"]["issuerRef"]["name"], "notary");
        team.until_condition("CertificateReady", "False", "cert-manager").await?;

        let notary = Authority::new("notary")?;
        issue(namespace, &notary, &team.host()).await?;
        team.until_ready().await?;
        assert_eq!(team.credentials("pull").await?.ca.trim(), notary.certificate().trim());
        let kept = namespace.api::<Secret>().get("team-cert-manager").await?;
        ensure!(kept.owner_references().iter().any(|owner| owner.name == "team"), "the Secret would be left behind");

        team.apply(json!({})).await?;
        until_gone(&certificates(namespace), "team").await?;
        until_gone(&namespace.api::<Secret>(), "team-cert-manager").await
    })
    .await
}

async fn define(namespace: &Namespace) -> Result<()> {
    let definitions = Api::<CustomResourceDefinition>::all(namespace.client.clone());
    definitions.create(&PostParams::default(), &manifest::parse(DEFINITION)?).await?;
    eventually("the definition to be served", async || {
        Ok(certificates(namespace).list(&ListParams::default()).await.map(drop)?)
    })
    .await
}

fn certificates(namespace: &Namespace) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
    Api::namespaced_with(namespace.client.clone(), namespace.name(), &resource)
}

/// The Secret and the status that cert-manager would write.
async fn issue(namespace: &Namespace, notary: &Authority, host: &str) -> Result<()> {
    let (leaf, ca) = (notary.issue(&[host])?, notary.certificate());
    let values = [("tls.crt", leaf.certificate.as_str()), ("tls.key", leaf.key.as_str()), ("ca.crt", ca.as_str())];
    namespace.put_secret("team-cert-manager", "kubernetes.io/tls", values).await?;
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True", "message": "up to date"}]}});
    certificates(namespace).patch_status("team", &PatchParams::default(), &Patch::Merge(ready)).await?;
    Ok(())
}

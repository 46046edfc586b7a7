//! cert-manager issues a registry's certificate and renews it: its own controllers and definitions, on a control plane without nodes.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use support::control_plane::{Options, Stage, on_own_control_plane};
use support::manifest::at;
use support::namespace::Namespace;
use support::registry::Registry;
use support::wait::{eventually, until, until_gone};

const MADE_BY: &str = "tests/tools/build cert-manager";

#[tokio::test]
async fn cert_manager_issues_renews_and_lets_go() -> Result<()> {
    on_own_control_plane("cert-manager", Options::default(), async |stage| {
        let _operator = stage.operator()?.flags(["--credentials-grace-period=1s"]).start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").ready().await?;

        // Without cert-manager the registry says so, and goes on with what it has.
        let own = served(&stage.namespace).await?;
        team.apply(spec("notary", &[])).await?;
        team.until_condition("CertificateReady", "False", "certificates.cert-manager.io").await?;
        assert_eq!(served(&stage.namespace).await?, own);

        stage.plane.apply_definitions_of("cert-manager", MADE_BY).await?;
        let _cert_manager = stage.plane.start_program("cert-manager", MADE_BY, &[])?;
        let ca = notary(&stage.namespace).await?;
        team.until_condition("CertificateReady", "True", "valid until").await?;
        let first = issued(&stage.namespace, &ca).await?;
        assert_ne!(first, own);
        let renewal = team.object().await?;
        ensure!(at(&renewal, "/status/certificate/renewalTime").is_string(), "cert-manager's renewal time is not told");

        renew(&stage.namespace).await?;
        eventually("a renewed certificate", async || {
            let renewed = issued(&stage.namespace, &ca).await?;
            ensure!(renewed != first, "it is still the first one");
            Ok(())
        })
        .await?;

        refuses_and_goes_on(stage, &team, &ca).await?;

        // Back to the operator's own: what cert-manager kept goes, and stays away.
        team.apply(json!({})).await?;
        until_gone(&certificates(&stage.namespace), "team").await?;
        until_gone(&stage.namespace.api::<Secret>(), "team-cert-manager").await?;
        eventually("a certificate of the operator's", async || {
            let trusted = value(&stage.namespace, "team-pull", "ca.crt").await?;
            ensure!(!trusted.contains(ca.trim()), "cert-manager's authority is still published");
            Ok(())
        })
        .await?;
        team.until_ready().await?;
        Ok(())
    })
    .await
}

/// An issuer that does not exist is told in cert-manager's words; a name that is added is in the next certificate.
async fn refuses_and_goes_on(stage: &Stage<'_>, team: &Registry, ca: &str) -> Result<()> {
    let before = served(&stage.namespace).await?;
    team.apply(spec("nobody", &["added.example"])).await?;
    team.until_condition("CertificateReady", "False", "cert-manager says").await?;
    assert_eq!(served(&stage.namespace).await?, before, "the last good certificate is served");

    team.apply(spec("notary", &["added.example"])).await?;
    team.until_condition("CertificateReady", "True", "valid until").await?;
    assert_ne!(issued(&stage.namespace, ca).await?, before);
    Ok(())
}

fn spec(issuer: &str, names: &[&str]) -> Value {
    json!({"tls": {"certManager": {"issuerRef": {"name": issuer}, "dnsNames": names}}})
}

/// An issuer `notary` that signs with an authority of its own; returns that authority's certificate.
async fn notary(namespace: &Namespace) -> Result<String> {
    let issuer = |name: &str, how: Value| json!({"metadata": {"name": name}, "spec": how});
    let authority = json!({"metadata": {"name": "notary"}, "spec": {
        "isCA": true, "commonName": "notary", "secretName": "notary", "issuerRef": {"name": "itself"},
        "privateKey": {"algorithm": "ECDSA", "size": 256},
    }});
    eventually("the definitions to be served", async || {
        put(namespace, "Issuer", issuer("itself", json!({"selfSigned": {}}))).await
    })
    .await?;
    put(namespace, "Certificate", authority).await?;
    put(namespace, "Issuer", issuer("notary", json!({"ca": {"secretName": "notary"}}))).await?;
    until(&namespace.api::<Secret>(), "notary", "the authority", |_| true).await?;
    value(namespace, "notary", "tls.crt").await
}

async fn put(namespace: &Namespace, kind: &str, mut object: Value) -> Result<()> {
    object["apiVersion"] = json!("cert-manager.io/v1");
    object["kind"] = json!(kind);
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let how = PatchParams::apply("a-user").force();
    api(namespace, kind)
        .patch(&name, &how, &Patch::Apply(object))
        .await
        .map(drop)
        .with_context(|| format!("{kind} {name}"))
}

fn api(namespace: &Namespace, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", kind));
    Api::namespaced_with(namespace.client.clone(), namespace.name(), &resource)
}

fn certificates(namespace: &Namespace) -> Api<DynamicObject> {
    api(namespace, "Certificate")
}

/// As `cmctl renew` does it.
async fn renew(namespace: &Namespace) -> Result<()> {
    let certificate = certificates(namespace).get_status("team").await?;
    let mut conditions = at(&certificate, "/status/conditions").as_array().cloned().unwrap_or_default();
    conditions.retain(|condition| condition["type"] != "Issuing");
    conditions.push(
        json!({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "a test asks for it"}),
    );
    let patch = Patch::Merge(json!({"status": {"conditions": conditions}}));
    certificates(namespace).patch_status("team", &PatchParams::default(), &patch).await?;
    Ok(())
}

/// The certificate that is served.
async fn served(namespace: &Namespace) -> Result<String> {
    value(namespace, "team-tls", "tls.crt").await
}

/// The certificate that is served, which is the one that cert-manager keeps, with the authority that clients are told.
async fn issued(namespace: &Namespace, ca: &str) -> Result<String> {
    let (kept, served) = (value(namespace, "team-cert-manager", "tls.crt").await?, served(namespace).await?);
    ensure!(kept == served, "what is served is not what cert-manager keeps");
    for secret in ["team-tls", "team-pull", "team-push"] {
        let told = value(namespace, secret, "ca.crt").await?;
        ensure!(told.contains(ca.trim()), "Secret {secret} does not tell of the authority");
    }
    let owners = namespace.api::<Secret>().get("team-cert-manager").await?;
    ensure!(owners.owner_references().iter().any(|owner| owner.name == "team"), "the Secret would be left behind");
    Ok(served)
}

async fn value(namespace: &Namespace, secret: &str, key: &str) -> Result<String> {
    let secret = namespace.api::<Secret>().get(secret).await?;
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    let value = value.with_context(|| format!("Secret {} has no {key}", secret.name_any()))?;
    Ok(String::from_utf8(value.0.clone())?)
}

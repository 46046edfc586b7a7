//! What the operator writes on an Ingress for ingress-nginx are annotations that ingress-nginx has, by its own sources.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::networking::v1::Ingress;
use support::control_plane::on_control_plane;
use support::root;
use support::wait::until;

const PREFIX: &str = "nginx.ingress.kubernetes.io/";

#[tokio::test]
async fn annotations_for_ingress_nginx_are_those_that_it_declares() -> Result<()> {
    let sources = std::fs::read_to_string(root().join(".cluster/bin/ingress-nginx/annotations.go"));
    let sources = sources.context("no sources of ingress-nginx: `tests/tools/build ingress-nginx` brings them")?;
    on_control_plane("annotations", async |stage| {
        let _operator = stage.operator()?.start().await?;
        stage.namespace.registry("team").spec("{ingress: {host: registry.example.com}}")?.created().await?;
        let ingress = until(&stage.namespace.api::<Ingress>(), "team", "being there", |_| true).await?;
        let annotations = ingress.metadata.annotations.unwrap_or_default();
        let ours: Vec<_> = annotations.keys().filter_map(|key| key.strip_prefix(PREFIX)).collect();
        ensure!(ours.contains(&"backend-protocol") && ours.contains(&"proxy-ssl-secret"), "there are {ours:?}");
        for name in ours {
            let declared = sources.contains(&format!("= {name:?}\n"));
            ensure!(declared, "ingress-nginx has no annotation {PREFIX}{name}");
        }
        Ok(())
    })
    .await
}

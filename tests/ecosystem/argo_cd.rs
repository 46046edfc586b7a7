//! The sample for Argo CD is one of its Applications, by its own definition. What Argo CD's health check says is a matter of the tier
//! `control_plane`.

use anyhow::{Context as _, Result};
use support::command::{command, run};
use support::control_plane::{Identity, on_control_plane};
use support::root;
use support::wait::eventually;

#[tokio::test]
async fn the_sample_for_argo_cd_has_no_field_that_applications_do_not_have() -> Result<()> {
    on_control_plane("argo-cd", async |stage| {
        stage.plane.apply_file(&root().join(".cluster/bin/argo-cd/application-crd.yaml")).await?;
        let kubeconfig = stage.plane.kubeconfig_file(&Identity::Administrator, stage.namespace.name())?;
        let sample = std::fs::read_to_string(root().join("deploy/gitops/argocd/application.yaml"))?;
        let sample = sample.replace("namespace: argocd", &format!("namespace: {}", stage.namespace.name()));
        let file = kubeconfig.with_extension("yaml");
        std::fs::write(&file, sample)?;
        let file = file.to_str().context("a path that is no text")?;
        eventually("the definition to be served, and to take the sample", async || {
            let mut kubectl = command("kubectl", ["apply", "--validate=strict", "--filename", file]);
            kubectl.env("KUBECONFIG", &kubeconfig).env("HOME", kubeconfig.with_extension("home"));
            run(kubectl).await
        })
        .await
        .map(drop)
    })
    .await
}

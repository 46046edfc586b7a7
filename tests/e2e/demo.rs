//! `make demo` does what the README promises, on a machine that has the cluster already.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DeleteParams;
use support::command::{command, run};
use support::namespace::alone_without_operator;
use support::root;
use support::wait::{until, until_gone};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_pods_that_run_an_image_of_the_registry() -> Result<()> {
    alone_without_operator("demo", async |namespace| {
        ensure!(
            std::env::var_os("KUBECONFIG").is_some_and(|file| file == root().join(".cluster/kubeconfig")),
            "the demo runs on a kind cluster of its own, not on the one of KUBECONFIG: leave KUBECONFIG unset to test it"
        );

        let namespaces: Api<Namespace> = Api::all(namespace.client.clone());
        let was_there = namespaces.get_opt("apps").await?.is_some();

        let told = run(command(root().join("tests/cluster/demo"), [""; 0])).await?;

        for promised in [
            "Successfully pulled image \"team.apps.svc.cluster.local/app:1\"",
            "app: 1",
            "kubectl get preg -A",
            "make demo-down",
        ] {
            assert!(told.contains(promised), "the demo did not say {promised:?}:\n{told}");
        }
        let daemon_sets: Api<DaemonSet> = Api::namespaced(namespace.client.clone(), "apps");
        until(&daemon_sets, "hello", "a Pod on every node", |hello: &DaemonSet| {
            let status = hello.status.clone().unwrap_or_default();
            status.number_ready > 0 && status.number_ready == status.desired_number_scheduled
        })
        .await
        .context("the demo said that its Pods run")?;

        // A demo that somebody ran before this test stays theirs.
        if !was_there {
            namespaces.delete("apps", &DeleteParams::default()).await?;
            until_gone(&namespaces, "apps").await?;
        }
        Ok(())
    })
    .await
}

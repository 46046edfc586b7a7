//! What people see of a registry through kubectl alone.

use anyhow::{Context as _, Result, ensure};
use support::command::{command, run};
use support::control_plane::{Identity, Stage, beside_a_registry, on_control_plane};

/// What kubectl says to an administrator in the test's namespace.
async fn kubectl<const N: usize>(stage: &Stage<'_>, arguments: [&str; N]) -> Result<String> {
    let kubeconfig = stage.plane.kubeconfig_file(&Identity::Administrator, stage.namespace.name())?;
    let mut kubectl = command("kubectl", arguments);
    kubectl.args(["--namespace", stage.namespace.name()]).env("KUBECONFIG", &kubeconfig);
    kubectl.arg("--cache-dir").arg(kubeconfig.with_extension("cache"));
    run(kubectl).await
}

#[tokio::test]
async fn get_prints_where_a_registry_is_whether_it_is_ready_and_since_when() -> Result<()> {
    beside_a_registry("kubectl", "{}", async |stage, team| {
        let told = kubectl(stage, ["get", "preg"]).await?;
        let lines: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
        let [columns, row] = lines.as_slice() else { anyhow::bail!("not two lines: {told}") };
        ensure!(columns == &["NAME", "ENDPOINT", "READY", "AGE"], "{told}");
        ensure!(row[..3] == ["team", team.host().as_str(), "True"], "{told}");
        let age = row.get(3).context("no age")?;
        ensure!(age.starts_with(|digit: char| digit.is_ascii_digit()), "{told}");

        let wide = kubectl(stage, ["get", "preg", "team", "--output=wide"]).await?;
        ensure!(wide.contains("REASON") && wide.contains("Serving"), "{wide}");
        let all = kubectl(stage, ["get", "all"]).await?;
        ensure!(all.contains("privateregistry.privateregistry.io/team"), "{all}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn explain_says_of_a_field_what_it_means_and_what_there_is_without_it() -> Result<()> {
    on_control_plane("explain", async |stage| {
        for (field, words) in [
            ("preg.spec.imagePullPolicy", "Defaults to the kubelet's own rule"),
            ("preg.spec.replicas", "1, the default, or 0"),
            ("preg.spec.service.ipFamilyPolicy", "Defaults to `SingleStack`"),
            ("preg.status.endpoint", "under which images are named"),
        ] {
            let told = kubectl(stage, ["explain", field]).await?;
            let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
            ensure!(told.contains(words), "{field}: {told}");
        }
        Ok(())
    })
    .await
}

//! `kubectl preg`, copied out of the operator's image as the README says, is all that a person needs to push and pull, with Docker as
//! with Podman, and tells why a Pod cannot pull.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use support::docker::{Engine, server_image, with_engine};
use support::image::Image;
use support::namespace::{Namespace, in_namespace};
use support::plugin::Plugin;
use support::registry::Registry;
use support::wait::eventually;

use crate::push_pull::on_node_port;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_pushes_with_what_it_writes_and_learns_why_a_pod_cannot_pull() -> Result<()> {
    in_namespace("plugin", async |namespace| {
        let (team, host) = on_node_port(&namespace).await?;
        with_engine(async |engine| {
            let preg = plugin(&engine, &namespace).await?;
            push(&engine, &preg, &host).await?;
            read_as_podman(&preg, &host).await?;
            doctor(&preg, &namespace, &team).await
        })
        .await
    })
    .await
}

/// The plugin, out of the image.
async fn plugin(engine: &Engine, namespace: &Namespace) -> Result<Plugin> {
    let image = server_image().replace("/server:", "/operator:");
    let program = engine.copy_out(&image, "/bin/private-registry-operator").await?;
    let kubeconfig = std::env::var_os("KUBECONFIG").context("KUBECONFIG leads to the cluster of the suite")?;
    Plugin::of(&program, kubeconfig, namespace.name())
}

async fn push(engine: &Engine, preg: &Plugin, host: &str) -> Result<()> {
    engine.is_made_to_trust(host);
    let told = preg.run(["ca", "team", "--install=docker", "--host", host]).await?;
    ensure!(told.contains(&format!("/etc/docker/certs.d/{host}/ca.crt")), "{told}");
    let config = engine.config_file();
    let config = config.to_str().context("a path that is no text")?;
    preg.run(["login", "team", "--user=push", "--host", host, "--config", config]).await?;
    engine.round_trip(&Image::random(1, 1 << 16)?, &format!("{host}/app:1")).await
}

/// skopeo is made of the library that Podman logs in, trusts and pulls with, and finds its files where Podman does.
async fn read_as_podman(preg: &Plugin, host: &str) -> Result<()> {
    let runtime = preg.path("run");
    let runtime = [("XDG_RUNTIME_DIR", runtime.as_path())];
    let image = format!("docker://{host}/app:1");
    preg.run(["ca", "team", "--install=podman", "--rootless", "--host", host]).await?;
    let login = ["login", "team", "--user=pull", "--tool=podman", "--host", host];
    let told = preg.ask_with(login, runtime).await?;
    ensure!(told.success, "{told:?}");
    let logged_in = preg.run_beside("skopeo", ["login", "--get-login", host], runtime).await?;
    ensure!(logged_in.trim() == "pull", "skopeo says that {logged_in:?} is logged in");
    preg.run_beside("skopeo", ["inspect", &image], runtime).await.map(drop)
}

async fn doctor(preg: &Plugin, namespace: &Namespace, team: &Registry) -> Result<()> {
    let told = preg.run(["doctor", "team"]).await?;
    ensure!(told.ends_with("all is well\n") || told.ends_with("all is well"), "{told}");
    ensure!(told.contains("ok    answer       the server answers /v2/ and takes the password"), "{told}");

    // Nodes do not ask the cluster's DNS, and nobody has told these where the host is.
    let pod = format!(
        "{{metadata: {{name: app}}, spec: {{
            imagePullSecrets: [{{name: team-pull}}],
            securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}},
            containers: [{{name: app, image: {}/app:1,
                securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}}}]}}}}",
        team.host()
    );
    namespace.create_object::<Pod>(&pod).await?;
    eventually("the doctor to say why", async || {
        let told = preg.ask(["doctor", "team"]).await?;
        let why = "cannot resolve the host: nodes do not ask the cluster's DNS; the Pod pulls with Secret team-pull";
        ensure!(!told.success && told.stdout.contains(why), "{}", told.stdout);
        Ok(())
    })
    .await
}

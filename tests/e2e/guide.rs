//! What documents show to be typed where Pods and nodes are needed for it, as it stands there: only the namespace and the image's
//! name are this run's.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use support::command::{command, outcome};
use support::crane::Crane;
use support::docker::server_image;
use support::guide::{self, Typist};
use support::image::Image;
use support::manifest::strict_pod;
use support::namespace::{Namespace, in_namespace};
use support::registry::is_pod_ready;
use support::this_test;
use support::wait::until;

use crate::helper::Helper;

/// The operator's image under the name that documents give it.
const IMAGE: &str = concat!("privateregistry/operator:", env!("CARGO_PKG_VERSION"));

/// Somebody at a terminal, for whom this test's namespace is `apps`.
fn reader(namespace: &Namespace) -> Result<Typist> {
    let image = server_image().replace("/server:", "/operator:");
    Ok(Typist::on_cluster()?.replacing("apps", namespace.name()).replacing(IMAGE, &image))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_pushes_logs_in_and_asks_the_doctor() -> Result<()> {
    let blocks = guide::of(&this_test!())?;
    in_namespace("guide", async |namespace| {
        let team = namespace.registry("team").spec("{nodeTrust: {}}")?.ready().await?;
        let (reader, image) = (reader(&namespace)?, Image::random(2, 1 << 16)?);
        std::fs::copy(image.archive(), reader.path("app.tar"))?;
        // Of a run that was killed; it is nobody else's name.
        outcome(command("docker", ["rm", "--force", "preg"]), "").await?;
        for block in &blocks {
            reader.types(block).await?;
        }
        Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_told_by_hand() -> Result<()> {
    let blocks = guide::of(&this_test!())?;
    in_namespace("guide", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        Crane::with(&team, "push").await?.push(&Image::app()?, "app:1").await?;
        let reader = reader(&namespace)?;
        for block in &blocks {
            reader.types(block).await?;
        }
        let (host, folder) = (team.host(), reader.path(&team.host()));
        let folder = folder.to_str().context("a path that is no text")?;
        NODE.at_work(&namespace, async |node| {
            node.copy(folder, "/volume/").await?;
            let pulled = runs_on(&node.node, &namespace, &host).await;
            node.run(&["rm", "-r", &format!("/volume/{host}")]).await?;
            pulled
        })
        .await
    })
    .await
}

/// Where a container runtime looks for what it is told of registries.
const NODE: Helper<'_> = Helper {
    name: "node",
    standard: "privileged",
    pod: "",
    container: "",
    volume: "hostPath: {path: /etc/containerd/certs.d, type: Directory}",
};

/// Runs the image `app:1` of `host` on `node`.
async fn runs_on(node: &str, namespace: &Namespace, host: &str) -> Result<()> {
    let pod = format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: app}}
spec:
      nodeName: {node}
      imagePullSecrets: [{{name: team-pull}}]
      {}
",
        strict_pod(host)
    );
    namespace.create_object::<Pod>(&pod).await?;
    until(&namespace.api::<Pod>(), "app", "a ready Pod", is_pod_ready).await.map(drop)
}

//! Ordinary clients push and pull over verified TLS with the generated credentials, and each user may do what it should and
//! no more.

use anyhow::{Context as _, Result};
use http::{Method, header};
use k8s_openapi::api::core::v1::{Node, Service};
use kube::Api;
use kube::api::ListParams;
use support::crane::Crane;
use support::docker::with_engine;
use support::https;
use support::image::Image;
use support::namespace::{Namespace, in_namespace};
use support::pki::Authority;
use support::registry::Registry;
use support::wait::eventually;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn crane_pulls_what_it_pushed() -> Result<()> {
    in_namespace("push_pull", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let image = Image::random(3, 2 << 20)?;

        let pusher = Crane::with(&team, "push").await?;
        let digest = pusher.push(&image, "backend/app:1").await?;
        pusher.pull_same(&image, "backend/app:1").await?;

        let puller = Crane::with(&team, "pull").await?;
        puller.pull_same(&image, "backend/app:1").await?;
        assert_eq!(puller.run(["digest", &puller.reference("backend/app:1")]).await?, digest);
        assert_eq!(puller.run(["ls", &puller.reference("backend/app")]).await?, "1");
        assert_eq!(puller.run(["catalog", &team.host()]).await?, "backend/app");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pull_user_cannot_push() -> Result<()> {
    in_namespace("push_pull", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let puller = Crane::with(&team, "pull").await?;

        let said = puller.push_refused(&Image::random(1, 1024)?, "app:1").await?;
        assert!(said.contains("DENIED"), "crane said: {said}");

        let pull = team.credentials("pull").await?;
        let answer = team.ask(Method::POST, "/v2/app/blobs/uploads/", Some(pull.login()), &pull.ca).await?;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (403, "DENIED"), "{}", answer.text());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_the_right_password() -> Result<()> {
    in_namespace("push_pull", async |namespace| {
        let team = namespace.registry("team").ready().await?;

        for login in [None, Some(("push", "wrong")), Some(("nobody", "wrong"))] {
            let answer = team.get("/v2/_catalog", login).await?;
            assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (401, "UNAUTHORIZED"), "{login:?}");
            let challenge = answer.headers.get(header::WWW_AUTHENTICATE).context("no challenge in a 401")?;
            assert!(challenge.to_str()?.starts_with("Basic realm="), "{challenge:?}");
        }

        let mut credentials = team.credentials("push").await?;
        credentials.docker_config = credentials.docker_config.replace(&credentials.password, "wrong");
        credentials.docker_config = without_encoded_auth(&credentials.docker_config)?;
        let crane = Crane::logged_in(&team, credentials).await?;
        let said = crane.push_refused(&Image::random(1, 1024)?, "app:1").await?;
        assert!(said.contains("UNAUTHORIZED") || said.contains("401"), "crane said: {said}");
        Ok(())
    })
    .await
}

/// Docker's file holds name and password once more, as base64 in `auth`, which clients prefer.
fn without_encoded_auth(docker_config: &str) -> Result<String> {
    let mut config: serde_json::Value = serde_json::from_str(docker_config)?;
    let hosts = config.get_mut("auths").and_then(|auths| auths.as_object_mut()).context("no auths")?;
    for host in hosts.values_mut() {
        host.as_object_mut().context("an auth is no object")?.remove("auth");
    }
    Ok(config.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_worth_verifying() -> Result<()> {
    in_namespace("push_pull", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let ca = team.credentials("pull").await?.ca;
        let short = format!("team.{}", namespace.name());
        let service = format!("{short}.svc");

        for name in ["team", &short, &service, &team.host(), "localhost", "127.0.0.1"] {
            https::connect(team.connect().await?, name, &ca).await?;
        }
        let others = Authority::new("somebody else")?.certificate();
        let refused = https::connect(team.connect().await?, &team.host(), &others).await;
        assert!(refused.is_err(), "a client that trusts somebody else has to refuse the registry");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_docker_engine_pulls_what_it_pushed() -> Result<()> {
    in_namespace("push_pull", async |namespace| {
        let (team, host) = on_node_port(&namespace).await?;
        let (push, pull) = (team.credentials("push").await?, team.credentials("pull").await?);
        let image = Image::random(2, 1 << 20)?;
        let reference = format!("{host}/app:1");

        with_engine(async |engine| {
            let said = engine.refused(["pull", &reference]).await?;
            assert!(
                said.contains("certificate"),
                "a stranger's certificate has to be refused, but docker said: {said}"
            );
            engine.trust(&host, &push.ca)?;

            assert!(engine.login(&host, "push", "wrong").await.is_err(), "a wrong password has to be refused");
            engine.login(&host, &push.username, &push.password).await?;
            engine.round_trip(&image, &reference).await?;

            engine.login(&host, &pull.username, &pull.password).await?;
            engine.docker(["pull", &reference]).await?;
            let denied = format!("{host}/other:1");
            engine.load(&image, &denied).await?;
            let said = engine.refused(["push", &denied]).await?;
            assert!(said.contains("denied"), "docker said: {said}");
            Ok(())
        })
        .await
        .context("this test needs nodes that this machine's Docker engine can reach, as on kind")
    })
    .await
}

/// A registry, and where machines beside the cluster reach it.
pub(crate) async fn on_node_port(namespace: &Namespace) -> Result<(Registry, String)> {
    let node = node_address(namespace).await?;
    let spec = format!("{{service: {{type: NodePort}}, tls: {{selfSigned: {{ipAddresses: [{node}]}}}}}}");
    let team = namespace.registry("team").spec(&spec)?.ready().await?;
    let service = namespace.api::<Service>().get("team").await?;
    let port = service.spec.and_then(|spec| spec.ports?.first()?.node_port).context("the Service has no node port")?;
    let host = format!("{node}:{port}");
    eventually("the nodes to lead the port on", async || Ok(TcpStream::connect(&host).await?)).await?;
    Ok((team, host))
}

/// The address of a node, at which a node port answers.
async fn node_address(namespace: &Namespace) -> Result<String> {
    let nodes = Api::<Node>::all(namespace.client.clone()).list(&ListParams::default()).await?;
    let addresses = nodes.into_iter().filter_map(|node| node.status?.addresses).flatten();
    let internal = addresses.into_iter().find(|address| address.type_ == "InternalIP");
    internal.map(|address| address.address).context("no node has an address")
}

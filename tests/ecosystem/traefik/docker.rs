//! Docker's engine as a client through traefik.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use support::control_plane::{Options, on_own_control_plane};
use support::docker::{Engine, with_engine};
use support::image::Image;

use super::client::Client;
use super::front::{GATEWAY, INGRESS};
use super::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn docker_pushes_and_pulls_through_an_ingress_and_a_gateway() -> Result<()> {
    with_engine(async |engine| {
        // Docker verifies no certificate of 127.0.0.0/8.
        let address: IpAddr = engine.bridge().await?.parse()?;
        // Long before they are asked for: the engine looks into the file at most every five seconds.
        for host in [INGRESS, GATEWAY] {
            engine.resolve(host, address)?;
        }
        on_own_control_plane("traefik-docker", Options::default(), async |stage| {
            let scene = Scene::open(stage, address).await?;
            let _pod = scene.played().await?;
            scene.team.until_ready().await?;
            scene.trust().await?;
            for client in scene.clients().await? {
                client.until_let_in().await?;
                pushes_and_pulls(&engine, &client).await?;
            }
            Ok(())
        })
        .await
    })
    .await
}

async fn pushes_and_pulls(engine: &Engine, client: &Client) -> Result<()> {
    let registry = format!("{}:{}", client.host, client.front.port());
    let app = format!("{registry}/team/app:1");
    let said = engine.refused(["pull", &app]).await?;
    ensure!(said.contains("certificate"), "a stranger's certificate has to be refused, but docker said: {said}");
    engine.trust(&registry, &client.authority)?;

    let (user, password) = client.credentials.login();
    ensure!(engine.login(&registry, user, "wrong").await.is_err(), "a wrong password has to be refused");
    engine.login(&registry, user, password).await?;
    engine.round_trip(&Image::random(2, 8 << 20)?, &app).await
}

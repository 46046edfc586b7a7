//! traefik leads clients to a registry by the Ingress and by the `HTTPRoute` that the operator makes, on a control plane without nodes.
//! The server is a process with the files that the operator has written. Between traefik and the server there is TLS, verified by the
//! registry's authority.

mod client;
mod docker;
mod front;
mod layer;
mod nginx;
mod scene;
mod slow;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;
use support::control_plane::{Options, PlayedPod, on_own_control_plane, own_address};
use support::figure::figure;
use support::image::Image;
use support::usage::Usage;
use support::wait::eventually;

use self::client::Client;
use self::front::Front;
use self::scene::Scene;

/// What the memory of a process may grow by while a layer of a gigabyte goes through it, in MiB.
const MOST_GROWTH: f64 = 96.0;

#[tokio::test(flavor = "multi_thread")]
async fn images_and_a_layer_of_a_gigabyte_go_through_an_ingress_and_a_gateway() -> Result<()> {
    on_own_control_plane("traefik", Options::default(), async |stage| {
        let scene = Scene::open(stage, own_address().into()).await?;
        let pod = scene.played().await?;
        // traefik has taken the Ingress and accepts the route.
        scene.team.until_ready().await?;
        let [ingress, gateway] = scene.clients().await?;

        ingress.until_not_verified().await?;
        scene.trust().await?;
        for client in [&ingress, &gateway] {
            client.until_let_in().await?;
            client.round_trip(&Image::random(2, 64 * 1024)?, "app:1").await?;
            upload_by_chunks(client).await?;
        }
        let log = pod.log();
        ensure!(log.contains(r#""http.request.remoteaddr":"127.0.0.1"#), "the client's address is not in\n{log}");
        slow::is_cut_where_time_is_limited_and_goes_on(&ingress.at(scene.front.hurried()), &ingress).await?;
        a_gigabyte([&ingress, &gateway], &scene.front, &pod).await?;
        nginx::annotations_are_enough(&scene, &ingress).await?;
        drop(pod);

        absolute_urls(&scene, [&ingress, &gateway]).await
    })
    .await
}

/// A blob in two chunks (distribution-spec, Pushing a blob in chunks), by URLs as the server gives them.
async fn upload_by_chunks(client: &Client) -> Result<()> {
    let mut location = client.start_upload("chunked").await?;
    ensure!(location.starts_with("/v2/chunked/blobs/uploads/"), "the upload is at {location}");
    for (range, chunk) in [("0-4", "first"), ("5-10", "second")] {
        let headers = [("content-range", range), ("content-type", "application/octet-stream")];
        let answer = client.ask(Method::PATCH, &location, &headers, Bytes::from(chunk)).await?;
        ensure!(answer.status == StatusCode::ACCEPTED, "a chunk was answered {}: {}", answer.status, answer.text());
        location = client::location(&answer.headers)?;
    }
    let digest = support::image::sha256(b"firstsecond");
    let answer = client.finish_upload(&location, &digest).await?;
    ensure!(answer.starts_with("/v2/chunked/blobs/"), "the blob is at {answer}");
    let blob = client.ask(Method::GET, &answer, &[], Bytes::new()).await?;
    ensure!(blob.text() == "firstsecond", "the blob is {}", blob.text());
    Ok(())
}

/// A layer of a gigabyte goes in by the first and comes out by both, and nobody on its way keeps it in memory.
async fn a_gigabyte(clients: [&Client; 2], front: &Front, pod: &PlayedPod) -> Result<()> {
    let processes = [("traefik", front.id()), ("the server", pod.id())];
    let before = [Usage::of(processes[0].1)?, Usage::of(processes[1].1)?];
    let digest = layer::digest();
    let took = layer::push(clients[0], "big", &digest).await?;
    figure("traefik: seconds to push 1 GiB by an Ingress", format_args!("{:.1}", took.as_secs_f64()));
    for client in clients {
        let took = layer::pull(client, "big", &digest).await?;
        let what = format!("traefik: seconds to pull 1 GiB from {}", client.host);
        figure(&what, format_args!("{:.1}", took.as_secs_f64()));
    }
    for ((name, process), before) in processes.into_iter().zip(before) {
        let usage = Usage::of(process)?;
        let value = format_args!("{:.1}, {:.1} before", usage.peak, before.peak);
        figure(&format!("traefik: MiB of {name} at most, with a layer of 1 GiB"), value);
        ensure!(usage.peak - before.resident < MOST_GROWTH, "{name} has grown from {before:?} to {usage:?}");
    }
    Ok(())
}

/// Where relative URLs are switched off, the server knows by the headers of the proxy how its clients call it.
async fn absolute_urls(scene: &Scene<'_>, clients: [&Client; 2]) -> Result<()> {
    let before = scene.config().await?;
    scene.team.apply(scene.trusting(&json!({"http": {"relativeurls": false}}))).await?;
    eventually("the new configuration", async || {
        ensure!(scene.config().await? != before, "it is the old one");
        Ok(())
    })
    .await?;
    let _pod = scene.played().await?;
    for client in clients {
        client.until_let_in().await?;
        let location = client.start_upload("absolute").await?;
        let wanted = format!("https://{}/v2/absolute/blobs/uploads/", client.host);
        ensure!(location.starts_with(&wanted), "the upload is at {location}");
    }
    Ok(())
}

//! traefik leads clients to a registry by the Ingress and by the `HTTPRoute` that the operator makes, on a control plane without nodes.
//! The server is a process with the files that the operator has written. Between traefik and the server there is TLS, verified by the
//! registry's authority.

mod client;
mod front;
mod layer;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};
use support::control_plane::{Options, PlayedPod, Stage, machine_address, on_own_control_plane};
use support::figure::figure;
use support::image::Image;
use support::registry::Registry;
use support::usage::Usage;
use support::wait::{eventually, until};

use self::client::Client;
use self::front::{Front, GATEWAY, INGRESS};

/// The annotation by which traefik answers for an Ingress with TLS, whatever its entry points do by default.
const ROUTER_TLS: &str = "traefik.ingress.kubernetes.io/router.tls";

/// What the memory of a process may grow by while a layer of a gigabyte goes through it, in MiB.
const MOST_GROWTH: f64 = 96.0;

#[tokio::test(flavor = "multi_thread")]
async fn images_and_a_layer_of_a_gigabyte_go_through_an_ingress_and_a_gateway() -> Result<()> {
    on_own_control_plane("traefik", Options::default(), async |stage| {
        let front = Front::start(stage).await?;
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = Registry::named(&stage.namespace, "team");
        team.apply(spec(&json!({}), &json!({}))).await?;
        until(&stage.namespace.api::<Deployment>(), "team", "being there", |_| true).await?;
        let pod = played(stage, &team).await?;
        // traefik has taken the Ingress and accepts the route.
        team.until_ready().await?;
        let [ingress, gateway] = clients(&front, &team).await?;

        trusts_nobody_by_itself(stage, &ingress, &team).await?;
        for client in [&ingress, &gateway] {
            client.until_let_in().await?;
            client.round_trip(&Image::random(2, 64 * 1024)?, "app:1").await?;
            upload_by_chunks(client).await?;
        }
        let log = pod.log();
        ensure!(log.contains(r#""http.request.remoteaddr":"127.0.0.1"#), "the client's address is not in\n{log}");
        a_gigabyte([&ingress, &gateway], &front, &pod).await?;
        drop(pod);

        absolute_urls(stage, &team, [&ingress, &gateway]).await
    })
    .await
}

fn spec(annotations: &Value, config: &Value) -> Value {
    json!({
        "ingress": {"host": INGRESS, "className": "traefik", "annotations": {ROUTER_TLS: "true"}},
        "httpRoute": {"hostnames": [GATEWAY], "parentRefs": [{"name": "public", "sectionName": "https"}]},
        "service": {"annotations": annotations},
        "config": config,
    })
}

/// The annotation by which a Service names the object that tells traefik whom to trust.
fn transport(stage: &Stage<'_>) -> Value {
    let name = format!("{}-team@kubernetescrd", stage.namespace.name());
    json!({"traefik.ingress.kubernetes.io/service.serverstransport": name})
}

/// The registry's server, to which the Service leads.
async fn played(stage: &Stage<'_>, team: &Registry) -> Result<PlayedPod> {
    let pod = stage.play_pod(team.name(), machine_address()?).await?;
    let (namespace, address, port) = (stage.namespace.name(), pod.address(), pod.port());
    let slice = format!(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: team-played, namespace: {namespace}, labels: {{kubernetes.io/service-name: team}}}}
addressType: IPv4
endpoints: [{{addresses: ['{address}'], conditions: {{ready: true}}}}]
ports: [{{name: registry, port: {port}, protocol: TCP}}]
"
    );
    stage.plane.apply(&slice).await?;
    Ok(pod)
}

/// Somebody who may push, by each of the two ways.
async fn clients(front: &Front, team: &Registry) -> Result<[Client; 2]> {
    let push = team.credentials("push").await?;
    let authority = push.ca.clone();
    let ingress = Client { front: front.address(), host: INGRESS, authority, credentials: push.clone() };
    let gateway = Client { front: front.address(), host: GATEWAY, authority: front.authority(), credentials: push };
    Ok([ingress, gateway])
}

/// Behind an Ingress traefik trusts whom the system trusts, until an object of its own names the registry's authority.
async fn trusts_nobody_by_itself(stage: &Stage<'_>, ingress: &Client, team: &Registry) -> Result<()> {
    eventually("traefik to refuse a certificate that it cannot verify", async || {
        let status = ingress.ask(Method::GET, "/v2/", &[], Bytes::new()).await?.status;
        ensure!(status == StatusCode::INTERNAL_SERVER_ERROR, "it answered {status}");
        Ok(())
    })
    .await?;
    let namespace = stage.namespace.name();
    let transport_of_team = format!(
        "
apiVersion: traefik.io/v1alpha1
kind: ServersTransport
metadata: {{name: team, namespace: {namespace}}}
spec: {{serverName: team.{namespace}.svc.cluster.local, rootCAs: [{{secret: team-tls}}]}}
"
    );
    stage.plane.apply(&transport_of_team).await?;
    team.apply(spec(&transport(stage), &json!({}))).await
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
async fn absolute_urls(stage: &Stage<'_>, team: &Registry, clients: [&Client; 2]) -> Result<()> {
    let before = config(stage).await?;
    team.apply(spec(&transport(stage), &json!({"http": {"relativeurls": false}}))).await?;
    eventually("the new configuration", async || {
        ensure!(config(stage).await? != before, "it is the old one");
        Ok(())
    })
    .await?;
    let _pod = played(stage, team).await?;
    for client in clients {
        client.until_let_in().await?;
        let location = client.start_upload("absolute").await?;
        let wanted = format!("https://{}/v2/absolute/blobs/uploads/", client.host);
        ensure!(location.starts_with(&wanted), "the upload is at {location}");
    }
    Ok(())
}

async fn config(stage: &Stage<'_>) -> Result<Option<String>> {
    let map = stage.namespace.api::<k8s_openapi::api::core::v1::ConfigMap>().get("team-config").await?;
    Ok(map.data.and_then(|mut data| data.remove("config.yml")))
}

//! The registry's Pods, and what they say of themselves on their port for health.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, time::timeout};

use super::{Context, observe::Error};
use crate::names::{RegistryName, port};

/// A Pod answers at once or is not well.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// An answer has a few hundred bytes.
const ANSWER_LIMIT: usize = 16 * 1024;

/// Name and address of each Pod whose server has started. One that has not will mount the files as they are then.
pub(super) async fn started(context: &Context, name: &RegistryName) -> Result<Vec<(String, IpAddr)>, Error> {
    let api = Api::<Pod>::namespaced(context.client.clone(), &name.namespace);
    let pods = api
        .list(&ListParams::default().labels(&name.pod_selector()))
        .await
        .map_err(|source| Error::Pods { registry: name.clone(), source })?;
    Ok(pods.items.iter().filter_map(|pod| Some((pod.name_any(), started_at(pod)?))).collect())
}

/// The address of a Pod whose server has started, be it that it restarts right now: its volumes have the files of then.
fn started_at(pod: &Pod) -> Option<IpAddr> {
    let status = pod.status.as_ref()?;
    let over =
        matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some();
    let started = status.container_statuses.iter().flatten().any(|container| {
        let state = container.state.as_ref();
        container.restart_count > 0 || state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    });
    status.pod_ip.as_ref().filter(|_| started && !over)?.parse().ok()
}

/// What the Pod at `address` answers to a request for `path`, or what keeps it from answering, for people.
pub(super) async fn get<T: DeserializeOwned>(address: IpAddr, path: &'static str) -> Result<T, String> {
    let answer = timeout(ANSWER_WITHIN, ask(address, path)).await;
    let body = answer.unwrap_or_else(|_| Err(format!("no answer within {ANSWER_WITHIN:?}")))?;
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

async fn ask(address: IpAddr, path: &'static str) -> Result<Bytes, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let port = u16::try_from(port::DEBUG).map_err(|error| text(&error))?;
    let stream = TcpStream::connect((address, port)).await.map_err(|error| text(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
    let host = std::net::SocketAddr::new(address, port).to_string();
    let request = Request::get(path).header(HOST, host).body(Empty::<Bytes>::new()).map_err(|error| text(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| text(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answers {}", response.status()));
        }
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        Ok(body.map_err(|error| error.to_string())?.to_bytes())
    };
    tokio::select! {
        answer = exchange => answer,
        Err(error) = connection => Err(text(&error)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_that_has_started_is_asked() {
        let pod = |state: serde_json::Value, restarts: i32, phase: &str| -> Option<IpAddr> {
            let container = json!({"name": "registry", "image": "", "imageID": "", "ready": false, "restartCount": restarts,
                "state": state});
            let status = json!({"phase": phase, "podIP": "10.1.2.3", "containerStatuses": [container]});
            started_at(&serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap())
        };
        let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
        assert!(pod(json!({"running": {}}), 0, "Running").is_some());
        assert_eq!(pod(waiting.clone(), 0, "Pending"), None, "it will mount what is there then");
        assert!(pod(waiting, 3, "Running").is_some(), "it restarts with the files that it has");
        assert_eq!(pod(json!({"terminated": {"exitCode": 0}}), 0, "Failed"), None, "an evicted Pod never comes back");
    }
}

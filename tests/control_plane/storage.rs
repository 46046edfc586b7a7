//! A claim grows, or it is said why not; a volume that fills up is said to, and asking about it is nothing to the API server.

use std::iter::{repeat, repeat_n};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod, ServiceAccount};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use support::control_plane::on_control_plane;
use support::manifest::{self, at};
use support::namespace::Namespace;
use support::wait::{eventually, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_claim_grows_with_the_spec_or_it_is_said_why_not() -> Result<()> {
    on_control_plane("growth", async |stage| {
        let operator = stage.operator()?.start().await?;
        let namespace = &stage.namespace;
        let classes = Api::<StorageClass>::all(namespace.client.clone());
        let class = format!("class-of-{}", namespace.name());
        let fixed =
            format!("{{metadata: {{name: {class}}}, provisioner: example.com/disk, allowVolumeExpansion: false}}");
        classes.create(&PostParams::default(), &manifest::parse(&fixed)?).await?;
        let sized =
            |size: &str| json!({"storage": {"persistentVolumeClaim": {"size": size, "storageClassName": class}}});
        let team = namespace.registry("team").spec(&sized("1Gi").to_string())?.created().await?;
        until(&namespace.api::<PersistentVolumeClaim>(), "team", "being made", |_| true).await?;
        claim_is(namespace, "1Gi", &json!([])).await?;
        team.until_condition("StorageReady", "True", "is bound").await?;

        team.apply(sized("2Gi")).await?;
        let refused = team.until_condition("StorageReady", "False", "stays at 1Gi and does not become 2Gi").await?;
        assert_eq!(refused["reason"], "VolumeExpansionRefused");
        let message = refused["message"].as_str().unwrap_or_default();
        ensure!(message.contains("storageclass that provisions the pvc must support resize"), "{message}");
        team.until_condition("Stalled", "True", "allowVolumeExpansion").await?;
        eventually_warned(namespace, "VolumeExpansionRefused").await?;
        operator.until_at_rest(Duration::from_secs(10)).await?;

        // It is taken back to what the claim has, and to no less.
        let less = team.apply(sized("900Mi")).await;
        ensure!(format!("{less:?}").contains("size cannot shrink"), "{less:?}");
        team.apply(sized("1Gi")).await?;
        team.until_condition("StorageReady", "True", "is bound").await?;

        let allowed = Patch::Merge(json!({"allowVolumeExpansion": true}));
        classes.patch(&class, &PatchParams::default(), &allowed).await?;
        team.apply(sized("3Gi")).await?;
        team.until_condition("StorageReady", "True", "is growing from 1Gi to 3Gi").await?;
        claim_is(namespace, "1Gi", &json!([{"type": "FileSystemResizePending", "status": "True"}])).await?;
        team.until_condition("StorageReady", "True", "kubectl delete pod").await?;
        claim_is(namespace, "3Gi", &json!([])).await?;
        team.until_condition("StorageReady", "True", "is bound").await?;
        assert_eq!(at(&team.object().await?, "/status/storage/capacity"), "3Gi");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_volume_that_fills_up_is_a_condition_and_an_event_and_no_request_at_rest() -> Result<()> {
    on_control_plane("volume", async |stage| {
        // It has not measured its volume when it is asked first.
        let address = server_on_a_full_volume(2).await?;
        let operator = stage.operator()?.start().await?;
        // Without files of which a Pod would have to say that it has loaded them.
        let spec = "{tls: {disabled: true}, auth: {disabled: true}}";
        let team = stage.namespace.registry("team").spec(spec)?.created().await?;
        pod_at(&stage.namespace, address).await?;
        let _controllers = stage.play_controllers();
        team.until_ready().await?;

        let ready = Instant::now();
        let nearly = team.until_condition("StorageReady", "True", "PersistentVolumeClaim team is nearly full").await?;
        let waited = ready.elapsed();
        ensure!(waited < Duration::from_secs(30), "how full the volume is was told after {waited:?}");
        assert_eq!(nearly["reason"], "VolumeNearlyFull");
        eventually_warned(&stage.namespace, "VolumeNearlyFull").await?;
        let told = at(&team.object().await?, "/status/storage/fileSystem").clone();
        assert_eq!(told, json!({"capacity": "10Gi", "available": "1Gi", "usedPercent": 90}));
        team.until_condition("Ready", "True", "images are served").await?;
        operator.until_at_rest(Duration::from_secs(30)).await?;
        Ok(())
    })
    .await
}

/// What the controllers of volumes would say of the claim.
async fn claim_is(namespace: &Namespace, capacity: &str, conditions: &Value) -> Result<()> {
    let status = json!({"status": {"phase": "Bound", "capacity": {"storage": capacity}, "conditions": conditions}});
    let claims = namespace.api::<PersistentVolumeClaim>();
    claims.patch_status("team", &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

async fn eventually_warned(namespace: &Namespace, reason: &str) -> Result<()> {
    eventually(&format!("a warning {reason}"), async || {
        let events = namespace.api::<Event>().list(&ListParams::default()).await?;
        let warned =
            |event: &Event| event.type_.as_deref() == Some("Warning") && event.reason.as_deref() == Some(reason);
        ensure!(events.iter().any(warned), "there is none");
        Ok(())
    })
    .await
}

/// The server's port for health on an address that nobody else has: another run of this test may have the first.
async fn bound() -> Result<(Ipv4Addr, TcpListener)> {
    for last in 1..255 {
        let address = Ipv4Addr::new(127, 0, 77, last);
        if let Ok(listener) = TcpListener::bind((address, 5001)).await {
            return Ok((address, listener));
        }
    }
    bail!("every address of 127.0.77.0/24 has its port 5001 in use")
}

/// A server's port for health on an address of this test's own, which tells of a volume that is nearly full, but the first times
/// that it does not know yet.
async fn server_on_a_full_volume(unmeasured: usize) -> Result<Ipv4Addr> {
    let (address, listener) = bound().await?;
    let volume = json!({"capacityBytes": 10_u64 << 30, "usedBytes": 9_u64 << 30, "availableBytes": 1_u64 << 30,
        "inodes": 0, "inodesFree": 0});
    let told = |volume: Value| json!({"volume": volume, "refusedWrites": {"total": 0, "secondsAgo": null}}).to_string();
    let mut bodies = repeat_n(told(Value::Null), unmeasured).chain(repeat(told(volume)));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let is_about_storage = request[..length].starts_with(b"GET /storage ");
            let body = if is_about_storage { bodies.next().unwrap_or_default() } else { String::new() };
            let status = if is_about_storage { "200 OK" } else { "404 Not Found" };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Ok(address)
}

const POD: &str = "
metadata:
  name: team-0
  labels: {app.kubernetes.io/instance: team, app.kubernetes.io/name: private-registry}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: registry
    image: registry.example.com/server
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
";

/// A Pod of the registry's whose server has started there.
async fn pod_at(namespace: &Namespace, address: Ipv4Addr) -> Result<()> {
    // What the controller manager would make first of all.
    namespace.create_object::<ServiceAccount>("metadata: {name: default}").await?;
    namespace.create_object::<Pod>(POD).await?;
    let container = json!({"name": "registry", "image": "x", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {}}});
    let status =
        json!({"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "containerStatuses": [container]});
    let patch = Patch::Merge(json!({ "status": status }));
    namespace.api::<Pod>().patch_status("team-0", &PatchParams::default(), &patch).await?;
    Ok(())
}

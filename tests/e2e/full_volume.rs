//! A volume that is full, a small one on purpose: it is said, what is there is pulled, and what does not fit leaves nothing behind.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Namespace as NamespaceObject, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource as _, ResourceExt as _};
use serde_json::json;
use support::crane::Crane;
use support::image::Image;
use support::manifest;
use support::namespace::{Namespace, in_namespace};
use support::registry::is_pod_ready;
use support::wait::{eventually, until};

use crate::existing_volume::enforce;

/// Size of the volume, and of the images.
const VOLUME: usize = 16 << 20;
const IMAGE: usize = 6 << 20;

/// Where volumes are made on the node.
const FOLDER: &str = "/var/tmp/private-registry-tests";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_volume_is_said_and_pulls_go_on() -> Result<()> {
    in_namespace("full_volume", async |namespace| {
        let node = mount_small_disk(&namespace).await?;
        create_claim(&namespace, &node).await?;
        let team = namespace.registry("team").spec("storage: {persistentVolumeClaim: {existingClaim: small}}")?;
        let team = team.ready().await?;
        let crane = Crane::with(&team, "push").await?;
        let images = [Image::random(1, IMAGE)?, Image::random(1, IMAGE)?, Image::random(1, IMAGE)?];
        crane.push(&images[0], "app:1").await?;
        crane.push(&images[1], "app:2").await?;
        let said = crane.push_refused(&images[2], "app:3").await?;
        ensure!(said.contains("storage is full"), "{said}");

        // The next question to the Pod would come within five minutes; it comes with every change of the Deployment.
        let touch = Patch::Merge(json!({"metadata": {"annotations": {"example.com/touched": "yes"}}}));
        namespace.api::<Deployment>().patch("team", &PatchParams::default(), &touch).await?;
        team.until_condition("StorageReady", "False", "PersistentVolumeClaim small is full").await?;
        eventually("a warning of it", async || {
            let events = namespace.api::<Event>().list(&ListParams::default()).await?;
            ensure!(events.iter().any(|event| event.reason.as_deref() == Some("VolumeFull")), "there is none");
            Ok(())
        })
        .await?;
        team.until_condition("Ready", "True", "images are served").await?;
        let crane = Crane::with(&team, "pull").await?;
        crane.pull_same(&images[0], "app:1").await?;
        crane.pull_same(&images[1], "app:2").await
    })
    .await
}

/// Mounts a small disk on the node of a Pod, which keeps it for as long as it lives itself. Returns the node's name.
async fn mount_small_disk(namespace: &Namespace) -> Result<String> {
    let image = std::env::var("BUSYBOX_IMAGE").unwrap_or_else(|_| "localhost/busybox:1".to_owned());
    let pod = format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: disk}}
spec:
  terminationGracePeriodSeconds: 5
  containers:
  - name: disk
    image: {image}
    imagePullPolicy: IfNotPresent
    securityContext: {{privileged: true}}
    command:
    - sh
    - -c
    - |
      trap 'umount -l /disks/$0; rmdir /disks/$0; exit' TERM
      mkdir /disks/$0 && mount -t tmpfs -o size={VOLUME} none /disks/$0 && touch /ready || exit
      sleep infinity & wait
    - {name}
    readinessProbe: {{exec: {{command: [test, -e, /ready]}}, periodSeconds: 1}}
    volumeMounts: [{{name: disks, mountPath: /disks, mountPropagation: Bidirectional}}]
  volumes: [{{name: disks, hostPath: {{path: {FOLDER}, type: DirectoryOrCreate}}}}]
",
        name = namespace.name()
    );
    // Only while this Pod is admitted.
    enforce(namespace, "privileged").await?;
    namespace.create_object::<Pod>(&pod).await?;
    enforce(namespace, "restricted").await?;
    let pod = until(&namespace.api::<Pod>(), "disk", "a ready Pod", is_pod_ready).await?;
    pod.spec.and_then(|spec| spec.node_name).context("a Pod without a node")
}

/// The claim `small` on the disk. Its volume goes with the namespace.
async fn create_claim(namespace: &Namespace, node: &str) -> Result<()> {
    let object = Api::<NamespaceObject>::all(namespace.client.clone()).get(namespace.name()).await?;
    let name = namespace.name();
    let volume = format!(
        "
metadata: {{name: {name}}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: 16Mi}}
  storageClassName: ''
  persistentVolumeReclaimPolicy: Retain
  claimRef: {{namespace: {name}, name: small}}
  local: {{path: {FOLDER}/{name}}}
  nodeAffinity:
    required:
      nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{node}]}}]}}]
"
    );
    let mut volume: PersistentVolume = manifest::parse(&volume)?;
    volume.owner_references_mut().extend(object.owner_ref(&()));
    Api::<PersistentVolume>::all(namespace.client.clone()).create(&PostParams::default(), &volume).await?;
    let claim = format!(
        "
metadata: {{name: small}}
spec: {{accessModes: [ReadWriteOnce], storageClassName: '', volumeName: {name}, resources: {{requests: {{storage: 16Mi}}}}}}
"
    );
    namespace.create_object::<PersistentVolumeClaim>(&claim).await.map(drop)
}

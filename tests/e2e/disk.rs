//! A volume of a test's own, a disk in memory on the node: nobody else writes to it, and it is as small as is wanted.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::api::PostParams;
use kube::{Api, Resource as _, ResourceExt as _};
use support::manifest;
use support::namespace::Namespace;
use support::registry::is_pod_ready;
use support::wait::until;

use crate::helper::{busybox, enforce};

/// What keeps images on it.
pub(crate) const STORAGE: &str = "storage: {persistentVolumeClaim: {existingClaim: disk}}";

/// Where volumes are made on the node.
const FOLDER: &str = "/var/tmp/private-registry-tests";

/// Makes the claim `disk`, on a disk of so many bytes. Its volume goes with the namespace.
pub(crate) async fn claim(namespace: &Namespace, bytes: usize) -> Result<()> {
    let node = mount(namespace, bytes).await?;
    let object = Api::<NamespaceObject>::all(namespace.client.clone()).get(namespace.name()).await?;
    let name = namespace.name();
    let volume = format!(
        "
metadata: {{name: {name}}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: {bytes}}}
  storageClassName: ''
  persistentVolumeReclaimPolicy: Retain
  claimRef: {{namespace: {name}, name: disk}}
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
metadata: {{name: disk}}
spec: {{accessModes: [ReadWriteOnce], storageClassName: '', volumeName: {name}, resources: {{requests: {{storage: {bytes}}}}}}}
"
    );
    namespace.create_object::<PersistentVolumeClaim>(&claim).await.map(drop)
}

/// Mounts a disk of so many bytes on the node of a Pod, which keeps it for as long as it lives itself. Returns the node's name.
async fn mount(namespace: &Namespace, bytes: usize) -> Result<String> {
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
      mkdir /disks/$0 && mount -t tmpfs -o size={bytes} none /disks/$0 && touch /ready || exit
      sleep infinity & wait
    - {name}
    readinessProbe: {{exec: {{command: [test, -e, /ready]}}, periodSeconds: 1}}
    volumeMounts: [{{name: disks, mountPath: /disks, mountPropagation: Bidirectional}}]
  volumes: [{{name: disks, hostPath: {{path: {FOLDER}, type: DirectoryOrCreate}}}}]
",
        image = busybox(),
        name = namespace.name()
    );
    // Only while this Pod is admitted.
    enforce(namespace, "privileged").await?;
    namespace.create_object::<Pod>(&pod).await?;
    enforce(namespace, "restricted").await?;
    let pod = until(&namespace.api::<Pod>(), "disk", "a ready Pod", is_pod_ready).await?;
    pod.spec.and_then(|spec| spec.node_name).context("a Pod without a node")
}

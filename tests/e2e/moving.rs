//! `deploy/moving`, into the cluster and back: the commands as they stand there, with a real `registry:2`.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use support::command::{command, run};
use support::distribution::Client;
use support::docker::{Engine, with_engine};
use support::document::Document;
use support::guide;
use support::inventory::Inventory;
use support::namespace::{Namespace, in_namespace};
use support::pki::Authority;
use support::registry::Registry;
use support::root;
use support::server::Program;
use support::this_test;
use support::wait::eventually;
use tempfile::TempDir;

use crate::docker::{local_address, until_serving};
use crate::helper::{busybox, enforce};

/// The user of the old registry, and the line of the htpasswd file that is theirs.
const USER: (&str, &str) = ("moby", "gordon");
const LINE: &str = "moby:$2y$05$oGZjPtB/hdg.cS0iyUOXuOBgM0pNuQ0fTtWZSX8Oo5JRMjAMq4aZ2\n";

/// The certificate of before, and who has signed it.
struct Clients {
    authority: Authority,
    host: String,
}

impl Clients {
    /// As they ask whatever registry is behind the host: with the same trust and the same password.
    fn of(&self, program: Program, registry: &Registry) -> Client {
        Client::under(&self.host, program, registry, &self.authority.certificate(), USER)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_2_deployment_is_taken_over_with_its_claim_and_handed_back() -> Result<()> {
    in_namespace("moving", async |namespace| {
        let host = format!("registry.{}.svc.cluster.local", namespace.name());
        let clients = Clients { authority: Authority::new("the company")?, host };
        deploy_registry_2(&namespace, &clients).await?;
        let (old, new) = (Registry::named(&namespace, "registry"), Registry::named(&namespace, "team"));
        let mut inventory = Inventory::default();
        push(&mut inventory, &clients.of(Program::Registry2, &old), "before").await?;

        let folder = TempDir::new()?;
        let names = [
            ("DEPLOYMENT", "registry"),
            ("SERVICE", "registry"),
            ("CLAIM", "registry-data"),
            ("TLS_SECRET", "registry-tls"),
            ("HTPASSWD_SECRET", "registry-users"),
        ];
        let follow = async |heading| follow(&namespace, folder.path(), &this_test!(), heading, &names).await;
        follow("Move").await?;
        leads_to(&namespace, &new).await?;
        inventory.check(&clients.of(Program::Ours, &new)).await?;
        push(&mut inventory, &clients.of(Program::Ours, &new), "meanwhile").await?;

        follow("Back").await?;
        leads_to(&namespace, &old).await?;
        inventory.check(&clients.of(Program::Registry2, &old)).await?;
        push(&mut inventory, &clients.of(Program::Registry2, &old), "after").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_of_a_docker_registry_moves_into_the_cluster_and_back() -> Result<()> {
    with_engine(async |engine| {
        in_namespace("moving", async |namespace| {
            let (volume, folder) = (engine.volume().await?, TempDir::new()?);
            for image in ["registry2.tar", "busybox.tar"] {
                let archive = root().join(".cluster").join(image).display().to_string();
                engine.docker(["load", "--quiet", "--input", &archive]).await?;
            }
            let mount = format!("{volume}:/var/lib/registry");
            let container = engine.start(["--publish", "127.0.0.1::5000", "--volume", &mount, &registry_2()]).await?;
            let mut inventory = Inventory::default();
            push(&mut inventory, &contained(&engine, &container).await?, "before").await?;

            let new = Registry::named(&namespace, "team");
            let clients = Clients { authority: Authority::new("the company")?, host: new.host() };
            keep_files(folder.path(), &clients)?;
            let names = [
                ("CONTAINER", container.as_str()),
                ("VOLUME", &volume),
                ("OLD", folder.path().to_str().context("a folder that is no text")?),
                ("SIZE", "1Gi"),
            ];
            let follow = async |heading| follow(&namespace, folder.path(), &this_test!(), heading, &names).await;
            follow("Move").await?;
            inventory.check(&clients.of(Program::Ours, &new)).await?;
            push(&mut inventory, &clients.of(Program::Ours, &new), "meanwhile").await?;

            follow("Back").await?;
            let old = contained(&engine, &container).await?;
            inventory.check(&old).await?;
            push(&mut inventory, &old, "after").await
        })
        .await
    })
    .await
}

/// Types the commands of `test` below `heading`, with the names of what there is here.
async fn follow(namespace: &Namespace, folder: &Path, test: &str, heading: &str, names: &[(&str, &str)]) -> Result<()> {
    for block in guide::below(test, heading)? {
        let mut shell = command("bash", ["-euo", "pipefail", "-c", &block.text]);
        shell.current_dir(folder).env("NAMESPACE", namespace.name()).env("REGISTRY", "team").env("BUSYBOX", busybox());
        shell.envs(names.iter().copied());
        run(shell).await.with_context(|| block.place())?;
    }
    Ok(())
}

/// An image of its own under a tag of its own.
async fn push(inventory: &mut Inventory, client: &Client, tag: &str) -> Result<()> {
    let (config, layer) = (Bytes::from(format!("{{\"for\": \"{tag}\"}}")), Bytes::from(format!("the layer of {tag}")));
    let mut keeper = inventory.keeper(client);
    for blob in [&config, &layer] {
        keeper.push_blob("team/app", blob).await?;
    }
    keeper.tag("team/app", tag, &Document::docker_image(&config, &[layer])?).await
}

/// The old registry in its container, once it answers.
async fn contained(engine: &Engine, container: &str) -> Result<Client> {
    let address = local_address(engine, container).await?;
    until_serving(&address).await?;
    Ok(Client::to(Program::Registry2, address))
}

fn keep_files(folder: &Path, clients: &Clients) -> Result<()> {
    let leaf = clients.authority.issue(&[&clients.host])?;
    for (file, text) in
        [("auth/htpasswd", LINE), ("certs/domain.crt", &leaf.certificate), ("certs/domain.key", &leaf.key)]
    {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

fn registry_2() -> String {
    std::env::var("REGISTRY2_IMAGE").unwrap_or_else(|_| "localhost/registry:2".to_owned())
}

/// A Deployment as people have written it for `registry:2`, which is root, until it serves.
async fn deploy_registry_2(namespace: &Namespace, clients: &Clients) -> Result<()> {
    enforce(namespace, "baseline").await?;
    let leaf = clients.authority.issue(&[&clients.host])?;
    let pair = [("tls.crt", leaf.certificate.as_str()), ("tls.key", &leaf.key)];
    namespace.put_secret("registry-tls", "kubernetes.io/tls", pair).await?;
    namespace.put_secret("registry-users", "Opaque", [("htpasswd", LINE)]).await?;
    namespace
        .create_object::<PersistentVolumeClaim>(
            "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: registry-data, annotations: {volumeType: local}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
",
        )
        .await?;
    namespace
        .create_object::<Service>(
            "
apiVersion: v1
kind: Service
metadata: {name: registry}
spec: {selector: {app.kubernetes.io/instance: registry}, ports: [{port: 443, targetPort: 5000}]}
",
        )
        .await?;
    namespace.create_object::<Deployment>(&DEPLOYMENT.replace("IMAGE", &registry_2())).await?;
    leads_to(namespace, &Registry::named(namespace, "registry")).await
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: registry}
spec:
  selector: {matchLabels: {app.kubernetes.io/instance: registry}}
  strategy: {type: Recreate}
  template:
    metadata: {labels: {app.kubernetes.io/instance: registry}}
    spec:
      enableServiceLinks: false
      containers:
      - name: registry
        image: IMAGE
        imagePullPolicy: IfNotPresent
        env:
        - {name: REGISTRY_HTTP_TLS_CERTIFICATE, value: /certs/tls.crt}
        - {name: REGISTRY_HTTP_TLS_KEY, value: /certs/tls.key}
        - {name: REGISTRY_AUTH, value: htpasswd}
        - {name: REGISTRY_AUTH_HTPASSWD_REALM, value: Registry}
        - {name: REGISTRY_AUTH_HTPASSWD_PATH, value: /auth/htpasswd}
        readinessProbe: {tcpSocket: {port: 5000}, periodSeconds: 1}
        volumeMounts:
        - {name: data, mountPath: /var/lib/registry}
        - {name: certs, mountPath: /certs}
        - {name: auth, mountPath: /auth}
      volumes:
      - {name: data, persistentVolumeClaim: {claimName: registry-data}}
      - {name: certs, secret: {secretName: registry-tls}}
      - {name: auth, secret: {secretName: registry-users}}
";

/// Waits until the Service that clients know leads to the Pod of `registry`, and to no other.
async fn leads_to(namespace: &Namespace, registry: &Registry) -> Result<()> {
    let pod = registry.pod().await?.metadata.name.unwrap_or_default();
    let known = "kubernetes.io/service-name=registry";
    let led = "jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].targetRef.name}";
    let arguments = ["--namespace", namespace.name(), "get", "endpointslices", "--selector", known, "--output", led];
    eventually("the Service to lead to the registry", async || {
        let pods = run(command("kubectl", arguments)).await?;
        ensure!(pods == pod, "it leads to {pods:?}, not to {pod}");
        Ok(())
    })
    .await
}

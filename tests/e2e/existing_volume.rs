//! A volume that the reference implementation has filled as root is taken over: by a container in the place of `registry:3`,
//! and in the cluster by a `PrivateRegistry` with `existingClaim`, whose server is not root.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use kube::api::DeleteParams;
use kube::{Api, ResourceExt as _};
use support::distribution::Client;
use support::docker::{server_image, with_engine};
use support::inventory::Inventory;
use support::namespace::{Namespace, in_namespace};
use support::registry::Registry;
use support::server::{Program, serving};
use support::voyage::sail;
use support::wait::until_any;
use tempfile::TempDir;

use crate::docker::{local_address, until_serving};
use crate::helper::Helper;

/// The claim that is there before the registry.
const CLAIM: &str = "old";

/// Who may delete.
const ADMIN: (&str, &str) = ("chief", "of the harbour");

/// A voyage with the reference, as root.
async fn sail_with_reference(volume: &Path, inventory: &mut Inventory, voyage: &str) -> Result<()> {
    serving(Program::Registry3, volume, async |client| {
        inventory.check(&client).await?;
        sail(&mut inventory.keeper(&client), voyage).await
    })
    .await?;
    let owner = std::fs::metadata(volume.join("docker"))?.uid();
    ensure!(owner == 0, "the volume belongs to user {owner}: this test has to run as root");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_takes_a_volume_over_and_hands_it_back() -> Result<()> {
    with_engine(async |engine| {
        let volume = TempDir::new()?;
        let mut inventory = Inventory::default();
        sail_with_reference(volume.path(), &mut inventory, "before").await?;

        let mount = format!("{}:/var/lib/registry", volume.path().display());
        let delete = "REGISTRY_STORAGE_DELETE_ENABLED=true";
        let options = ["--publish", "127.0.0.1::5000", "--volume", &mount, "--env", delete];
        let container = engine.start(options.into_iter().chain([server_image().as_str()])).await?;
        let address = local_address(&engine, &container).await?;
        until_serving(&address).await?;
        let client = Client::to(Program::Ours, address);
        inventory.check(&client).await?;
        sail(&mut inventory.keeper(&client), "in-the-container").await?;
        inventory.check(&client).await?;
        engine.docker(["rm", "--force", &container]).await?;

        sail_with_reference(volume.path(), &mut inventory, "after").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_root_has_filled_is_taken_over() -> Result<()> {
    in_namespace("existing_volume", async |namespace| {
        let volume = TempDir::new()?;
        let mut inventory = Inventory::default();
        sail_with_reference(volume.path(), &mut inventory, "before").await?;
        create_claim(&namespace, "local").await?;
        as_root(&namespace, &[], Some(volume.path())).await?;

        let team = request(&namespace).await?;
        team.until_ready().await?;
        let client = Client::of(&team, ADMIN.0, ADMIN.1).await?;
        inventory.check(&client).await?;
        sail(&mut inventory.keeper(&client), "in-the-cluster").await?;
        inventory.check(&client).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_stays_roots_is_refused_until_it_is_given_to_the_server() -> Result<()> {
    in_namespace("existing_volume", async |namespace| {
        let volume = TempDir::new()?;
        let mut inventory = Inventory::default();
        sail_with_reference(volume.path(), &mut inventory, "before").await?;
        create_claim(&namespace, "hostPath").await?;
        as_root(&namespace, &[], Some(volume.path())).await?;
        if !ignores_groups(&namespace).await? {
            return Ok(()); // this cluster's volumes are given to the server by the kubelet: the test before is about that
        }

        let team = request(&namespace).await?;
        let pod = until_refused(&namespace, &team).await?;
        as_root(&namespace, &["chown", "-R", "65532:65532", "/volume"], None).await?;
        namespace.api::<Pod>().delete(&pod, &DeleteParams::default()).await?;
        team.until_ready().await?;
        inventory.check(&Client::of(&team, ADMIN.0, ADMIN.1).await?).await
    })
    .await
}

/// A claim of the default class; `kind` of volume, where that class leaves a choice.
async fn create_claim(namespace: &Namespace, kind: &str) -> Result<()> {
    let claim = format!(
        "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {CLAIM}, annotations: {{volumeType: {kind}}}}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"
    );
    namespace.create_object::<PersistentVolumeClaim>(&claim).await.map(drop)
}

/// A registry on the claim, with somebody who may delete.
async fn request(namespace: &Namespace) -> Result<Registry> {
    namespace.put_secret("admin", "Opaque", [("password", ADMIN.1)]).await?;
    let spec = format!(
        "
storage: {{persistentVolumeClaim: {{existingClaim: {CLAIM}}}}}
auth: {{users: [{{name: {}, access: Admin, passwordSecretRef: {{name: admin}}}}]}}
",
        ADMIN.0
    );
    namespace.registry("team").spec(&spec)?.created().await
}

/// Copies `folder` to the claim, then runs `arguments`, in a Pod that runs as root.
async fn as_root(namespace: &Namespace, arguments: &[&str], folder: Option<&Path>) -> Result<()> {
    let volume = format!("persistentVolumeClaim: {{claimName: {CLAIM}}}");
    let root = Helper { name: "root", standard: "baseline", pod: "", container: "", volume: &volume };
    root.at_work(namespace, async |root| {
        if let Some(folder) = folder {
            root.copy(&folder.join("docker").display().to_string(), "/volume/docker").await?;
            root.run(&["chown", "-R", "0:0", "/volume/docker"]).await?;
        }
        if !arguments.is_empty() {
            root.run(arguments).await?;
        }
        Ok(())
    })
    .await
}

/// Whether the kubelet leaves the claim's volume as it is, whatever fsGroup a Pod asks for.
async fn ignores_groups(namespace: &Namespace) -> Result<bool> {
    let claim = namespace.api::<PersistentVolumeClaim>().get(CLAIM).await?;
    let volume = claim.spec.and_then(|spec| spec.volume_name).unwrap_or_default();
    let volume = Api::<PersistentVolume>::all(namespace.client.clone()).get(&volume).await?;
    Ok(volume.spec.is_some_and(|spec| spec.host_path.is_some()))
}

/// Waits until a server has ended with an error that says whose volume it is and what to do. Returns its Pod's name.
async fn until_refused(namespace: &Namespace, team: &Registry) -> Result<String> {
    let label = format!("app.kubernetes.io/instance={}", team.name());
    let refused = |pod: &Pod| {
        let said = termination_messages(pod);
        said.contains("not writable by user 65532") && said.contains("chown -R 65532:65532")
    };
    let pod = until_any(&namespace.api::<Pod>(), &label, "a Pod that says why it does not start", refused).await?;
    team.until_condition("Ready", "False", "chown -R 65532:65532").await?;
    Ok(pod.name_any())
}

/// What the containers of a Pod have said last.
fn termination_messages(pod: &Pod) -> String {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let states = statuses.flat_map(|status| status.state.iter().chain(&status.last_state));
    states.filter_map(|state| state.terminated.as_ref()?.message.clone()).collect()
}

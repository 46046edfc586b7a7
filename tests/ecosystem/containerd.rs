//! What a node says of its containerd is what containerd 2 does: a node is told of a registry, and pulls from it with one
//! configuration of containerd after the other.

mod canary;
mod configurations;
mod daemon;

use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use private_registry_operator::names::RegistryName;
use private_registry_operator::node_trust::containerd::{CONFIG, read, trap};
use private_registry_operator::node_trust::entry::Told;
use private_registry_operator::node_trust::{Entry, Node, Owner, Places, Runtime, Scheme};
use support::control_plane::machine_address;
use support::image::Image;
use support::secure_server::{Server, User, with_server};
use tempfile::TempDir;

use self::configurations::Configured;
use self::daemon::Containerd;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_containerd_2_reads_nothing_says_so_and_any_other_pulls() -> Result<()> {
    let address = machine_address()?;
    with_server(&address.to_string(), async |server| {
        pushed(server).await?;
        for configured in configurations::all() {
            says_what_is_so(server, address, &configured).await.with_context(|| configured.what)?;
        }
        // It is asked as a mirror would be, because it is elsewhere than the host says.
        ensure!(
            server.log().contains("?ns=team.apps.svc.cluster.local"),
            "containerd does not say which host it means"
        );
        Ok(())
    })
    .await
}

async fn pushed(server: &Server) -> Result<()> {
    let (home, image) = (server.home()?, Image::random(2, 64 << 10)?);
    let login = ["auth", "login", server.host(), "--username", User::Pusher.name(), "--password-stdin"];
    home.run_with_input("crane", login, User::Pusher.password()).await?;
    let archive = image.archive().to_str().context("a path that is not UTF-8")?;
    home.run("crane", ["push", archive, &server.reference("app:1")]).await.map(drop)
}

async fn says_what_is_so(server: &Server, address: IpAddr, configured: &Configured) -> Result<()> {
    let root = TempDir::new()?;
    let folder = root.path().join("etc/containerd");
    std::fs::create_dir_all(folder.join("conf.d"))?;
    for (name, text) in &configured.files {
        std::fs::write(folder.join(name), text)?;
    }
    let version = Containerd::version().await?;
    let runtime = Runtime::of_node_info(&format!("containerd://{version}")).context("no version")?;
    let places = Places { root: root.path().to_owned(), ..Places::default() };
    let certs_d = places.containerd.clone();
    let entry = entry(server, address)?;
    let host = entry.host().to_owned();
    let owner = Owner::new("private-registry-system").context("no owner")?;
    let outcome = Node { owner, runtime, places }.bring_to(&[entry]);
    ensure!(outcome.node.is_none() && outcome.hosts.is_empty(), "the node could not be told: {outcome:?}");

    let Runtime::Containerd(version) = runtime else { anyhow::bail!("{runtime:?} is not containerd") };
    let settings = read(root.path(), CONFIG.as_ref(), version)?;
    let said = trap(version, settings.as_ref(), &certs_d);
    let containerd = Containerd::start(root.path()).await?;
    let pulled = containerd.pull(&format!("{host}/app:1"), User::Puller).await?;
    ensure!(pulled.success == said.is_none(), "the node says {said:?}, but: {}", pulled.stderr);
    ensure!(said.as_ref().map(|trap| trap.reason()) == configured.reason, "the node says {said:?}");
    Ok(())
}

/// The registry `team` of the namespace `apps`, as if the server were behind its Service.
fn entry(server: &Server, address: IpAddr) -> Result<Entry> {
    let registry = RegistryName { namespace: "apps".to_owned(), name: "team".to_owned() };
    let port = server.host().rsplit_once(':').context("no port")?.1.parse()?;
    let (addresses, authorities) = (&[address], Some(server.authority().as_bytes()));
    let told = Told { registry: &registry, scheme: Scheme::Https, port, addresses, authorities };
    Ok(Entry::new(&told, "cluster.local")?)
}

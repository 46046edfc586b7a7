//! What `make release` has made, pushed to a registry of ours and taken from there as users take it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use support::home::Home;
use support::root;
use support::secure_server::{LOOPBACK, Server, User, with_server};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const IMAGES: [&str; 2] = ["server", "operator"];

/// A file of the release.
fn dist(name: &str) -> PathBuf {
    root().join("dist").join(name)
}

fn text(name: &str) -> Result<String> {
    std::fs::read_to_string(dist(name)).with_context(|| format!("dist/{name} is not there: `make release` makes it"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_pushed_and_pulled_by_digest() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let pusher = logged_in(server, User::Pusher).await?;
        let prefix = format!("IMAGE_PREFIX={}", server.reference("acme"));
        let script = root().join("deploy/push-release").display().to_string();
        // It was made for another place, so here is a mirror of that.
        let refused = pusher.run("env", [prefix.as_str(), &script]).await.map(drop).map_err(|error| error.to_string());
        ensure!(refused.as_ref().is_err_and(|why| why.contains("make release IMAGE_PREFIX=")), "{refused:?}");
        // Again, as after a push that broke off.
        for _ in 0..2 {
            pusher.run("env", [prefix.as_str(), "MIRROR=1", &script]).await?;
        }
        let puller = logged_in(server, User::Puller).await?;
        let digests: BTreeMap<String, String> = text("digests.txt")?
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(archive, digest)| (archive.to_owned(), digest.to_owned()))
            .collect();
        for name in IMAGES {
            pulled_by_digest(server, &puller, name, &digests).await?;
            has_a_bill(server, &puller, name).await?;
        }
        charts_are_the_same(server, &puller).await
    })
    .await
}

/// Of every platform the very manifest that was made; and the index names them.
async fn pulled_by_digest(server: &Server, home: &Home, name: &str, digests: &BTreeMap<String, String>) -> Result<()> {
    let image = server.reference(&format!("acme/{name}"));
    let index = home.run("regctl", ["manifest", "get", "--format", "raw-body", &format!("{image}:{VERSION}")]).await?;
    let index: Value = serde_json::from_str(&index)?;
    let platforms = index["manifests"].as_array().context("no index")?;
    let made: Vec<_> = digests.iter().filter(|(archive, _)| archive.starts_with(&format!("{name}-"))).collect();
    ensure!(!made.is_empty() && made.len() == platforms.len(), "{made:?} were made, the index is {index}");
    for (archive, digest) in made {
        let entry = platforms.iter().find(|entry| entry["digest"] == **digest).context("a digest that was not made")?;
        let architecture = entry["platform"]["architecture"].as_str().context("no platform")?;
        ensure!(archive.ends_with(&format!("-linux-{architecture}.tar")), "{archive} is {architecture}");
        let pulled = format!("ocidir://{name}:{architecture}");
        home.run("regctl", ["image", "copy", &format!("{image}@{digest}"), &pulled]).await?;
        let labels = home.run("regctl", ["image", "inspect", "--format", "{{json .Config.Labels}}", &pulled]).await?;
        let labels: Value = serde_json::from_str(&labels)?;
        ensure!(labels["org.opencontainers.image.version"] == VERSION, "{labels}");
    }
    Ok(())
}

/// The bill of materials is found from the image, and names what every program here is made with.
async fn has_a_bill(server: &Server, home: &Home, name: &str) -> Result<()> {
    let image = server.reference(&format!("acme/{name}:{VERSION}"));
    let kind = ["--filter-artifact-type", "application/vnd.cyclonedx+json"];
    let get = ["artifact", "get", "--subject", &image];
    let bill = home.run("regctl", get.into_iter().chain(kind)).await?;
    ensure!(bill.trim_end() == text(&format!("{name}-{VERSION}.cdx.json"))?.trim_end(), "another bill was pushed");
    let bill: Value = serde_json::from_str(&bill)?;
    ensure!(bill["bomFormat"] == "CycloneDX", "{bill}");
    let components = bill["components"].as_array().context("no components")?;
    for component in ["tokio", "rustls", "aws-lc-rs"] {
        ensure!(components.iter().any(|known| known["name"] == component), "{name}'s bill lacks {component}");
    }
    ensure!(!bill.to_string().contains(&root().display().to_string()), "the bill says where it was made");
    Ok(())
}

/// The chart that is pulled is the file of the release, and installs what install.yaml of the release has.
async fn charts_are_the_same(server: &Server, home: &Home) -> Result<()> {
    let chart = format!("oci://{}", server.reference("acme/charts/private-registry-operator"));
    home.run("helm", ["pull", &chart, "--version", VERSION]).await?;
    let archive = format!("private-registry-operator-{VERSION}.tgz");
    ensure!(std::fs::read(home.path(&archive))? == std::fs::read(dist(&archive))?, "another chart was pulled");
    let rendered = home.run("helm", ["template", "private-registry-operator", &archive]).await?;
    let install = text("install.yaml")?;
    for name in IMAGES {
        let named = |text: &str| {
            let mut names = text.split_whitespace().filter(|word| word.ends_with(&format!("/{name}:{VERSION}")));
            names.next().map(str::to_owned)
        };
        ensure!(named(&rendered).is_some() && named(&rendered) == named(&install), "{:?}", named(&rendered));
    }
    Ok(())
}

/// Somebody's home, from which both regctl and Helm are known to the registry.
async fn logged_in(server: &Server, user: User) -> Result<Home> {
    let home = server.home()?;
    for client in ["regctl", "helm"] {
        let login =
            ["registry", "login", server.host(), if client == "regctl" { "--user" } else { "--username" }, user.name()];
        let password = if client == "regctl" { "--pass-stdin" } else { "--password-stdin" };
        home.run_with_input(client, login.into_iter().chain([password]), user.password()).await?;
    }
    Ok(home)
}

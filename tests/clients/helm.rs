//! Helm keeps charts in registries. It can neither list nor delete there.

use anyhow::Result;
use support::home::Home;
use support::root;
use support::secure_server::{LOOPBACK, Server, User, with_server};

/// What `helm package` makes of this project's chart.
const ARCHIVE: &str = concat!("private-registry-operator-", env!("CARGO_PKG_VERSION"), ".tgz");

#[tokio::test(flavor = "multi_thread")]
async fn helm_pushes_and_pulls_a_chart() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (charts, chart) = (repository(server), format!("{}/private-registry-operator", repository(server)));
        let pusher = logged_in(server, User::Pusher).await?;
        package(&pusher).await?;
        pusher.run("helm", ["push", ARCHIVE, &charts]).await?;

        let puller = logged_in(server, User::Puller).await?;
        puller.run("helm", ["pull", &chart, "--version", env!("CARGO_PKG_VERSION")]).await?;
        assert_eq!(std::fs::read(puller.path(ARCHIVE))?, std::fs::read(pusher.path(ARCHIVE))?);
        let shown = puller.run("helm", ["show", "chart", &chart]).await?;
        assert!(
            shown.contains("name: private-registry-operator"),
            "the newest version is found without asking: {shown}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_is_told_what_its_user_may_not_do() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let puller = logged_in(server, User::Puller).await?;
        package(&puller).await?;
        let said = puller.refused("helm", ["push", ARCHIVE, &repository(server)]).await?;
        assert!(said.contains("denied"), "helm said: {said}");
        Ok(())
    })
    .await
}

fn repository(server: &Server) -> String {
    format!("oci://{}", server.reference("charts"))
}

async fn package(home: &Home) -> Result<()> {
    let chart = root().join("charts/private-registry-operator").display().to_string();
    home.run("helm", ["package", &chart]).await.map(drop)
}

async fn logged_in(server: &Server, user: User) -> Result<Home> {
    let home = server.home()?;
    let login = ["registry", "login", server.host(), "--username", user.name(), "--password-stdin"];
    home.run_with_input("helm", login, user.password()).await?;
    Ok(home)
}

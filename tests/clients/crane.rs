//! crane, of go-containerregistry: the library that most tools written in Go are made with.

use anyhow::{Result, ensure};
use support::home::Home;
use support::image::{Image, sha256};
use support::secure_server::{LOOPBACK, Server, User, with_server};

#[tokio::test(flavor = "multi_thread")]
async fn crane_pushes_pulls_lists_and_deletes() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(2, 1 << 20)?, server.reference("team/app:1"));
        let crane = logged_in(server, User::Pusher).await?;

        crane.run("crane", ["push", &image.archive().display().to_string(), &app]).await?;
        let digest = server.holds(&image, "team/app:1").await?;
        crane.run("crane", ["tag", &app, "2"]).await?;
        crane.run("crane", ["copy", &app, &server.reference("other/app:1")]).await?;
        server.holds(&image, "other/app:1").await?;

        let crane = logged_in(server, User::Owner).await?;
        crane.run("crane", ["validate", "--remote", &app]).await?;
        crane.run("crane", ["pull", &app, "pulled.tar"]).await?;
        let config = crane.run("crane", ["config", &app]).await?;
        ensure!(sha256(config.as_bytes()) == image.id, "crane pulled {config}");

        assert_eq!(crane.run("crane", ["ls", &server.reference("team/app")]).await?, "1\n2");
        assert_eq!(crane.run("crane", ["catalog", server.host()]).await?, "other/app\nteam/app");

        crane.run("crane", ["delete", &server.reference("other/app:1")]).await?;
        server.lacks("other/app:1").await?;
        crane.run("crane", ["delete", &server.reference(&format!("team/app@{digest}"))]).await?;
        server.lacks("team/app:1").await?;
        server.lacks("team/app:2").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn crane_is_told_what_its_user_may_not_do() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(1, 1024)?, server.reference("team/app:1"));
        let archive = image.archive().display().to_string();
        let said = server.home()?.refused("crane", ["push", &archive, &app]).await?;
        assert!(said.contains("401 Unauthorized"), "crane said: {said}");

        let puller = logged_in(server, User::Puller).await?;
        let said = puller.refused("crane", ["push", &archive, &app]).await?;
        assert!(said.contains("DENIED"), "crane said: {said}");

        let pusher = logged_in(server, User::Pusher).await?;
        pusher.run("crane", ["push", &archive, &app]).await?;
        let said = pusher.refused("crane", ["delete", &app]).await?;
        assert!(said.contains("DENIED"), "crane said: {said}");
        server.holds(&image, "team/app:1").await.map(drop)
    })
    .await
}

/// The home of somebody who has logged in with crane.
pub(crate) async fn logged_in(server: &Server, user: User) -> Result<Home> {
    let home = server.home()?;
    let login = ["auth", "login", server.host(), "--username", user.name(), "--password-stdin"];
    home.run_with_input("crane", login, user.password()).await?;
    Ok(home)
}

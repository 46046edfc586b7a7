//! skopeo, as Debian ships it: the library that Podman, Buildah and CRI-O are made with.

use anyhow::{Context as _, Result};
use serde_json::Value;
use support::home::Home;
use support::image::Image;
use support::secure_server::{LOOPBACK, Server, User, with_server};

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_pushes_pulls_lists_and_deletes() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(2, 1 << 20)?, remote(server, "team/app:1"));
        let skopeo = logged_in(server, User::Pusher).await?;

        skopeo.run("skopeo", ["copy", &archive(&image), &app]).await?;
        let digest = server.holds(&image, "team/app:1").await?;
        skopeo.run("skopeo", ["copy", &app, &remote(server, "other/app:2")]).await?;
        server.holds(&image, "other/app:2").await?;
        skopeo.run("skopeo", ["copy", "--format", "oci", &app, &remote(server, "team/oci:1")]).await?;

        let skopeo = logged_in(server, User::Owner).await?;
        skopeo.run("skopeo", ["copy", &app, "dir:pulled"]).await?;
        let inspected = skopeo.run("skopeo", ["inspect", &app]).await?;
        assert_eq!(json(&inspected, "/Digest")?, digest.as_str());

        let listed = skopeo.run("skopeo", ["list-tags", &remote(server, "team/app")]).await?;
        assert_eq!(json(&listed, "/Tags")?, serde_json::json!(["1"]));

        skopeo.run("skopeo", ["delete", &app]).await?;
        server.lacks("team/app:1").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_is_told_what_its_user_may_not_do() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(1, 1024)?, remote(server, "team/app:1"));
        let puller = logged_in(server, User::Puller).await?;
        let said = puller.refused("skopeo", ["copy", &archive(&image), &app]).await?;
        assert!(said.contains("denied"), "skopeo said: {said}");

        let pusher = logged_in(server, User::Pusher).await?;
        pusher.run("skopeo", ["copy", &archive(&image), &app]).await?;
        let said = pusher.refused("skopeo", ["delete", &app]).await?;
        assert!(said.contains("denied") || said.contains("DENIED") || said.contains("403"), "skopeo said: {said}");
        server.holds(&image, "team/app:1").await.map(drop)
    })
    .await
}

fn remote(server: &Server, name: &str) -> String {
    format!("docker://{}", server.reference(name))
}

fn archive(image: &Image) -> String {
    format!("docker-archive:{}", image.archive().display())
}

fn json(text: &str, pointer: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(text)?;
    value.pointer(pointer).cloned().with_context(|| format!("no {pointer} in {text}"))
}

async fn logged_in(server: &Server, user: User) -> Result<Home> {
    let home = server.home()?;
    let login = ["login", server.host(), "--username", user.name(), "--password-stdin"];
    home.run_with_input("skopeo", login, user.password()).await?;
    Ok(home)
}

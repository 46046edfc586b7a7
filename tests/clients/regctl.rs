//! regctl, of regclient: knows the whole of the distribution specification, referrers and deletion by tag included.

use anyhow::{Result, ensure};
use support::home::Home;
use support::image::Image;
use support::secure_server::{LOOPBACK, Server, User, with_server};

#[tokio::test(flavor = "multi_thread")]
async fn regctl_pushes_pulls_lists_and_deletes() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(2, 1 << 20)?, server.reference("team/app:1"));
        let regctl = logged_in(server, User::Pusher).await?;

        regctl.run("regctl", ["image", "import", &app, &image.archive().display().to_string()]).await?;
        let digest = server.holds(&image, "team/app:1").await?;
        regctl.run("regctl", ["image", "copy", &app, &server.reference("team/app:2")]).await?;
        regctl.run("regctl", ["image", "copy", &app, &server.reference("other/app:1")]).await?;
        server.holds(&image, "other/app:1").await?;

        let regctl = logged_in(server, User::Owner).await?;
        assert_eq!(regctl.run("regctl", ["image", "digest", &app]).await?, digest);
        regctl.run("regctl", ["image", "copy", &app, "ocidir://pulled:1"]).await?;
        assert_eq!(regctl.run("regctl", ["image", "digest", "ocidir://pulled:1"]).await?, digest);

        assert_eq!(regctl.run("regctl", ["tag", "ls", &server.reference("team/app")]).await?, "1\n2");
        assert_eq!(regctl.run("regctl", ["repo", "ls", server.host()]).await?, "other/app\nteam/app");

        regctl.run("regctl", ["tag", "delete", &server.reference("team/app:2")]).await?;
        server.lacks("team/app:2").await?;
        server.holds(&image, "team/app:1").await?;
        regctl.run("regctl", ["manifest", "delete", &server.reference(&format!("team/app@{digest}"))]).await?;
        server.lacks("team/app:1").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn regctl_finds_what_refers_to_an_image() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(1, 1024)?, server.reference("team/app:1"));
        let regctl = logged_in(server, User::Owner).await?;
        regctl.run("regctl", ["image", "import", &app, &image.archive().display().to_string()]).await?;

        let kind = "application/vnd.example.sbom";
        let put = ["artifact", "put", "--subject", &app, "--artifact-type", kind];
        regctl.run_with_input("regctl", put, r#"{"packages": []}"#).await?;
        let list = [
            "artifact",
            "list",
            "--filter-artifact-type",
            kind,
            "--format",
            "{{range .Descriptors}}{{.Digest}}{{end}}",
            &app,
        ];
        let referrer = regctl.run("regctl", list).await?;
        ensure!(referrer.starts_with("sha256:"), "regctl listed {referrer:?}");
        assert_eq!(server.manifest("team/app:1").await?.status, 200);
        // By the API alone: there is no tag that stands in for it.
        assert_eq!(regctl.run("regctl", ["tag", "ls", &server.reference("team/app")]).await?, "1");

        let got = regctl.run("regctl", ["artifact", "get", "--subject", &app, "--filter-artifact-type", kind]).await?;
        assert_eq!(got, r#"{"packages": []}"#);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn regctl_is_told_what_its_user_may_not_do() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(1, 1024)?, server.reference("team/app:1"));
        let archive = image.archive().display().to_string();
        let puller = logged_in(server, User::Puller).await?;
        let said = puller.refused("regctl", ["image", "import", &app, &archive]).await?;
        assert!(said.contains("403") || said.contains("forbidden"), "regctl said: {said}");

        let pusher = logged_in(server, User::Pusher).await?;
        pusher.run("regctl", ["image", "import", &app, &archive]).await?;
        // By digest: refused a tag's deletion, it would push something empty in its place, which a pusher may do.
        let app = server.reference(&format!("team/app@{}", server.holds(&image, "team/app:1").await?));
        let said = pusher.refused("regctl", ["manifest", "delete", &app]).await?;
        assert!(said.contains("403") || said.contains("forbidden"), "regctl said: {said}");
        server.holds(&image, "team/app:1").await.map(drop)
    })
    .await
}

async fn logged_in(server: &Server, user: User) -> Result<Home> {
    let home = server.home()?;
    let login = ["registry", "login", server.host(), "--user", user.name(), "--pass-stdin"];
    home.run_with_input("regctl", login, user.password()).await?;
    Ok(home)
}

//! Docker: the engine talks to the registry, and its command line for `docker manifest`. It can neither list nor delete there.

use anyhow::Result;
use support::docker::with_engine;
use support::image::Image;
use support::secure_server::{User, with_server};

#[tokio::test(flavor = "multi_thread")]
async fn docker_pulls_what_it_pushed() -> Result<()> {
    with_engine(async |engine| {
        // Docker verifies no certificate of 127.0.0.0/8.
        with_server(&engine.bridge().await?, async |server| {
            let (image, app) = (Image::random(2, 1 << 20)?, server.reference("team/app:1"));
            let said = engine.refused(["pull", &app]).await?;
            assert!(
                said.contains("certificate"),
                "a stranger's certificate has to be refused, but docker said: {said}"
            );
            engine.trust(server.host(), server.authority())?;

            assert!(
                engine.login(server.host(), "pusher", "wrong").await.is_err(),
                "a wrong password has to be refused"
            );
            engine.login(server.host(), User::Pusher.name(), User::Pusher.password()).await?;
            engine.round_trip(&image, &app).await?;
            server.holds(&image, "team/app:1").await?;

            engine.login(server.host(), User::Puller.name(), User::Puller.password()).await?;
            engine.docker(["pull", &app]).await?;
            let denied = server.reference("other/app:1");
            engine.load(&image, &denied).await?;
            let said = engine.refused(["push", &denied]).await?;
            assert!(said.contains("denied"), "docker said: {said}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_pushes_and_pulls_an_index() -> Result<()> {
    with_engine(async |engine| {
        with_server(&engine.bridge().await?, async |server| {
            let (image, app) = (Image::random(1, 1024)?, server.reference("team/app:amd64"));
            engine.trust(server.host(), server.authority())?;
            engine.login(server.host(), User::Pusher.name(), User::Pusher.password()).await?;
            engine.load(&image, &app).await?;
            engine.docker(["push", &app]).await?;

            let index = server.reference("team/app:1");
            engine.docker(["manifest", "create", &index, &app]).await?;
            engine.docker(["manifest", "push", &index]).await?;
            engine.docker(["image", "rm", "--force", &app]).await?;
            engine.docker(["pull", &index]).await?;
            engine.docker(["image", "rm", "--force", &index]).await?;
            let inspected = engine.docker(["manifest", "inspect", &index]).await?;
            assert!(inspected.contains("manifest.list") || inspected.contains("image.index"), "{inspected}");
            Ok(())
        })
        .await
    })
    .await
}

//! crictl speaks to containerd as a kubelet does, which pulls and does nothing else with a registry.

use anyhow::Result;
use serde_json::Value;
use support::home::Home;
use support::image::Image;
use support::secure_server::{LOOPBACK, Server, User, with_server};

use crate::containerd::Containerd;
use crate::crane;

#[tokio::test(flavor = "multi_thread")]
async fn crictl_pulls_as_a_kubelet_does() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (pushed(server, "team/app:1").await?, server.reference("team/app:1"));
        let (daemon, home) = (Containerd::start(server).await?, server.home()?);

        crictl(&daemon, &home, &["pull", "--creds", &login(User::Puller), &app]).await?;
        let inspected = crictl(&daemon, &home, &["inspecti", "--output", "json", &app]).await?;
        let inspected: Value = serde_json::from_str(&inspected)?;
        assert_eq!(inspected.pointer("/status/id").and_then(Value::as_str), Some(image.id.as_str()), "{inspected}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn crictl_is_refused_without_the_right_password() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        pushed(server, "team/app:1").await?;
        let (daemon, home) = (Containerd::start(server).await?, server.home()?);
        let endpoint = endpoint(&daemon);
        for login in [vec![], vec!["--creds", "puller:wrong"]] {
            let pull = ["--runtime-endpoint", &endpoint, "--image-endpoint", &endpoint, "pull"];
            let app = server.reference("team/app:1");
            let said = home.refused("crictl", pull.into_iter().chain(login).chain([app.as_str()])).await?;
            assert!(said.contains("401") || said.contains("no basic auth credentials"), "crictl said: {said}");
        }
        Ok(())
    })
    .await
}

async fn pushed(server: &Server, name: &str) -> Result<Image> {
    let image = Image::random(2, 1 << 20)?;
    let home = crane::logged_in(server, User::Pusher).await?;
    home.run("crane", ["push", &image.archive().display().to_string(), &server.reference(name)]).await?;
    Ok(image)
}

async fn crictl(daemon: &Containerd, home: &Home, arguments: &[&str]) -> Result<String> {
    let endpoint = endpoint(daemon);
    let endpoints = ["--runtime-endpoint", &endpoint, "--image-endpoint", &endpoint];
    home.run("crictl", endpoints.into_iter().chain(arguments.iter().copied())).await
}

fn endpoint(daemon: &Containerd) -> String {
    format!("unix://{}", daemon.socket())
}

fn login(user: User) -> String {
    format!("{}:{}", user.name(), user.password())
}

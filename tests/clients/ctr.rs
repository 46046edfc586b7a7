//! ctr, containerd's own client. It can neither list nor delete in a registry.

use anyhow::{Result, ensure};
use support::home::Home;
use support::image::Image;
use support::secure_server::{LOOPBACK, Server, User, with_server};

use crate::containerd::Containerd;

#[tokio::test(flavor = "multi_thread")]
async fn ctr_pulls_what_it_pushed() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(2, 1 << 20)?, server.reference("team/app:1"));
        let ctr = Ctr::start(server).await?;
        ctr.load(&image, &app).await?;
        ctr.run(&["images", "push", "--hosts-dir", ctr.hosts(), "--user", &login(User::Pusher), &app]).await?;
        let digest = server.holds(&image, "team/app:1").await?;

        ctr.run(&["images", "rm", "--sync", &app, &image.name]).await?;
        ctr.pull(&app, User::Puller).await?;
        let listed = ctr.run(&["images", "ls", &format!("name=={app}")]).await?;
        ensure!(listed.contains(&digest), "ctr lists {listed}, not {digest}");
        let checked = ctr.run(&["images", "check", "--snapshotter", "native", &format!("name=={app}")]).await?;
        ensure!(checked.contains("complete"), "ctr found {checked}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ctr_is_told_what_its_user_may_not_do() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (image, app) = (Image::random(1, 1024)?, server.reference("team/app:1"));
        let ctr = Ctr::start(server).await?;
        ctr.load(&image, &app).await?;
        for user in [login(User::Puller), "nobody:at-all".to_owned()] {
            let push = ["images", "push", "--hosts-dir", ctr.hosts(), "--user", &user, &app];
            let said = ctr.home.refused("ctr", ctr.address().into_iter().chain(push)).await?;
            assert!(said.contains("403") || said.contains("401"), "ctr said: {said}");
        }
        server.lacks("team/app:1").await
    })
    .await
}

/// ctr and the daemon it talks to.
struct Ctr {
    daemon: Containerd,
    home: Home,
}

impl Ctr {
    async fn start(server: &Server) -> Result<Self> {
        Ok(Self { daemon: Containerd::start(server).await?, home: server.home()? })
    }

    /// Makes `image` known to the daemon as `reference`.
    async fn load(&self, image: &Image, reference: &str) -> Result<()> {
        let archive = image.archive().display().to_string();
        self.run(&["images", "import", "--snapshotter", "native", &archive]).await?;
        self.run(&["images", "tag", &image.name, reference]).await.map(drop)
    }

    async fn pull(&self, reference: &str, user: User) -> Result<()> {
        let hosts = ["images", "pull", "--hosts-dir", self.hosts(), "--snapshotter", "native"];
        let login = login(user);
        self.home.run("ctr", self.address().into_iter().chain(hosts).chain(["--user", &login, reference])).await?;
        Ok(())
    }

    async fn run(&self, arguments: &[&str]) -> Result<String> {
        self.home.run("ctr", self.address().into_iter().chain(arguments.iter().copied())).await
    }

    fn address(&self) -> [&str; 4] {
        ["--address", self.daemon.socket(), "--namespace", "test"]
    }

    fn hosts(&self) -> &str {
        self.daemon.hosts()
    }
}

/// ctr knows no other way to be told a password without asking for it.
fn login(user: User) -> String {
    format!("{}:{}", user.name(), user.password())
}

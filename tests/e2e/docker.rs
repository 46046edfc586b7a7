//! The server's image takes the place of `registry:2` under a real Docker engine: the commands of the tutorials, no cluster.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;
use support::docker::{Engine, server_image, with_engine};
use support::figure::figure;
use support::https::{self, Answer, Login};
use support::image::Image;
use support::pki::Authority;
use support::wait::eventually;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// No image of this project may be larger.
const MAX_IMAGE_BYTES: u64 = 20_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn without_any_option_it_serves_on_port_5000() -> Result<()> {
    with_engine(async |engine| {
        let registry = engine.start(["--publish", "127.0.0.1::5000", &server_image()]).await?;
        let address = local_address(&engine, &registry).await?;
        until_serving(&address).await?;

        engine.round_trip(&Image::random(2, 1 << 20)?, &format!("{address}/w3:1.0")).await?;

        assert_eq!(get(&address, "/v2/_catalog").await?.text().trim(), r#"{"repositories":["w3"]}"#);
        let log = engine.logs(&registry).await?;
        assert!(log.contains("serving http on :5000"), "the start line says how it serves: {log}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_stays_on_the_volume() -> Result<()> {
    with_engine(async |engine| {
        let volume = format!("{}:/var/lib/registry", engine.volume().await?);
        let publish = ["--publish", "127.0.0.1::5000", "--volume", &volume];
        let image = Image::random(2, 1 << 20)?;

        let first = engine.start(publish.into_iter().chain([server_image().as_str()])).await?;
        let address = local_address(&engine, &first).await?;
        until_serving(&address).await?;
        engine.round_trip(&image, &format!("{address}/my-image:latest")).await?;
        engine.docker(["rm", "--force", &first]).await?;

        let second = engine.start(publish.into_iter().chain([server_image().as_str()])).await?;
        let address = local_address(&engine, &second).await?;
        until_serving(&address).await?;
        engine.docker(["pull", &format!("{address}/my-image:latest")]).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_htpasswd_work_as_in_the_tutorials() -> Result<()> {
    with_engine(async |engine| {
        let folder = TempDir::new()?;
        let authority = Authority::new("a laboratory")?;
        let leaf = authority.issue(&[&engine.bridge().await?])?;
        std::fs::write(folder.path().join("domain.crt"), leaf.certificate)?;
        std::fs::write(folder.path().join("domain.key"), leaf.key)?;
        let line = ["run", "--rm", "--entrypoint", "htpasswd", &server_image(), "-Bbn", "moby", "gordon"];
        let htpasswd = engine.docker(line).await?;
        ensure!(htpasswd.starts_with("moby:$2"), "htpasswd printed {htpasswd:?}");
        std::fs::write(folder.path().join("htpasswd"), htpasswd + "\n")?;

        let shown = folder.path().display();
        let registry = engine
            .start([
                "--restart",
                "unless-stopped",
                "--publish",
                "5000",
                "--volume",
                &format!("{shown}:/certs:ro"),
                "--volume",
                &format!("{shown}:/auth:ro"),
                "--env",
                "REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt",
                "--env",
                "REGISTRY_HTTP_TLS_KEY=/certs/domain.key",
                "--env",
                "REGISTRY_AUTH=htpasswd",
                "--env",
                "REGISTRY_AUTH_HTPASSWD_REALM=Registry Realm",
                "--env",
                "REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd",
                &server_image(),
            ])
            .await?;
        let address = engine.published(&registry, 5000).await?;
        let login = Some(("moby", "gordon"));
        until_trusted(&address, login, &authority).await?;

        engine.trust(&address, &authority.certificate())?;
        let image = Image::random(2, 1 << 20)?;
        let reference = format!("{address}/hello-world:latest");
        engine.load(&image, &reference).await?;
        let said = engine.refused(["push", &reference]).await?;
        assert!(said.contains("no basic auth credentials") || said.contains("unauthorized"), "docker said: {said}");
        assert!(engine.login(&address, "moby", "wrong").await.is_err(), "a wrong password has to be refused");
        engine.login(&address, "moby", "gordon").await?;
        engine.round_trip(&image, &reference).await?;

        crash(&engine, &registry).await?;
        let address = engine.published(&registry, 5000).await?;
        until_trusted(&address, login, &authority).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_config_file_and_another_data_folder_are_enough() -> Result<()> {
    with_engine(async |engine| {
        let folder = TempDir::new()?;
        let line = ["run", "--rm", "--entrypoint", "htpasswd", &server_image(), "-Bbn", "testuser", "testpassword"];
        std::fs::write(folder.path().join("htpasswd"), engine.docker(line).await? + "\n")?;
        // As people write it: no version, no storage, no address.
        let config = "
http:
  headers:
    X-Content-Type-Options: nosniff
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/docker/registry/htpasswd
";
        std::fs::write(folder.path().join("config.yml"), config)?;

        let shown = folder.path().display();
        let data = format!("{}:/data", engine.volume().await?);
        let mount = |file: &str| format!("{shown}/{file}:/etc/docker/registry/{file}:ro");
        let registry = engine
            .start([
                "--publish",
                "127.0.0.1::5000",
                "--volume",
                &mount("config.yml"),
                "--volume",
                &mount("htpasswd"),
                "--volume",
                &data,
                "--env",
                "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/data",
                &server_image(),
            ])
            .await?;
        let address = local_address(&engine, &registry).await?;
        until_serving(&address).await?;

        let answer = get(&address, "/v2/").await?;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"basic-realm\"");
        engine.login(&address, "testuser", "testpassword").await?;
        engine.round_trip(&Image::random(1, 1 << 20)?, &format!("{address}/newimage:latest")).await?;

        let second = ["run", "--rm", "--volume", &data, "--entrypoint", "registry", &server_image(), "--version"];
        let version = engine.docker(second).await?;
        assert!(version.contains(env!("CARGO_PKG_VERSION")), "--version printed {version:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_collected_beside_the_server_and_without_it() -> Result<()> {
    with_engine(async |engine| {
        let volume = format!("{}:/var/lib/registry", engine.volume().await?);
        let registry = engine
            .start([
                "--publish",
                "127.0.0.1::5000",
                "--volume",
                &volume,
                "--env",
                "REGISTRY_STORAGE_DELETE_ENABLED=true",
                &server_image(),
            ])
            .await?;
        let address = local_address(&engine, &registry).await?;
        until_serving(&address).await?;
        engine.round_trip(&Image::random(2, 1 << 20)?, &format!("{address}/kept:1")).await?;
        engine.round_trip(&Image::random(2, 1 << 20)?, &format!("{address}/gone:1")).await?;
        let deleted = ask(&address, Method::DELETE, "/v2/gone/manifests/1").await?;
        assert_eq!(deleted.status, 202, "{}", deleted.text());

        let beside = ["exec", &registry, "registry", "garbage-collect", "-m"];
        let config = "/etc/docker/registry/config.yml";
        let said = engine.docker(beside.into_iter().chain([config])).await?;
        assert!(
            said.contains(" kept because they were uploaded or confirmed lately") && !said.contains("; 0 blobs"),
            "{said}"
        );
        let said = engine.docker(beside.into_iter().chain(["--grace", "0s", config])).await?;
        assert!(said.contains(" and 1 repositories"), "{said}");
        assert_eq!(get(&address, "/v2/_catalog").await?.text().trim(), r#"{"repositories":["kept"]}"#);

        engine.docker(["stop", &registry]).await?;
        let alone =
            ["run", "--rm", "--volume", &volume, &server_image(), "garbage-collect", "/etc/distribution/config.yml"];
        let said = engine.docker(alone).await?;
        assert!(said.contains("removed: 0 blobs"), "{said}");
        engine.docker(["start", &registry]).await?;
        let address = local_address(&engine, &registry).await?;
        until_serving(&address).await?;
        engine.docker(["pull", &format!("{address}/kept:1")]).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_images_are_small() -> Result<()> {
    with_engine(async |engine| {
        for image in [server_image(), server_image().replace("/server:", "/operator:")] {
            let size: u64 = engine.docker(["image", "inspect", "--format", "{{.Size}}", &image]).await?.parse()?;
            figure(
                &format!("docker: size of {image}"),
                format_args!("{}.{} MB", size / 1_000_000, size / 100_000 % 10),
            );
            assert!(size <= MAX_IMAGE_BYTES, "{image} has {size} bytes");
        }
        Ok(())
    })
    .await
}

/// Where a port that is published on the loopback alone listens; Docker speaks plain HTTP there.
pub(crate) async fn local_address(engine: &Engine, container: &str) -> Result<String> {
    let published = engine.docker(["port", container, "5000"]).await?;
    published.lines().next().map(str::to_owned).context("the container publishes no port")
}

async fn get(address: &str, path: &str) -> Result<Answer> {
    ask(address, Method::GET, path).await
}

async fn ask(address: &str, method: Method, path: &str) -> Result<Answer> {
    https::send(TcpStream::connect(address).await?, method, address, path, None, Bytes::new()).await
}

pub(crate) async fn until_serving(address: &str) -> Result<()> {
    eventually("the container to serve", async || get(address, "/v2/").await).await.map(drop)
}

/// Waits until the container serves TLS that `authority` vouches for and lets the user in.
async fn until_trusted(address: &str, login: Login<'_>, authority: &Authority) -> Result<()> {
    let host = address.split(':').next().unwrap_or_default();
    eventually("the container to serve TLS", async || {
        let stream = https::connect(TcpStream::connect(address).await?, host, &authority.certificate()).await?;
        let answer = https::send(stream, Method::GET, address, "/v2/", login, Bytes::new()).await?;
        ensure!(answer.status == 200, "the registry answered {}", answer.status);
        Ok(())
    })
    .await
}

/// Kills the server from outside, as a lack of memory would, and waits until the engine has started it again.
async fn crash(engine: &Engine, container: &str) -> Result<()> {
    let pid = ["inspect", "--format", "{{.State.Pid}}", container];
    let before = engine.docker(pid).await?;
    support::command::run(support::command::command("kill", ["-KILL", &before])).await?;
    eventually("a new process in the container", async || {
        let now = engine.docker(pid).await?;
        ensure!(now != before && now != "0", "process {now}, before {before}");
        Ok(())
    })
    .await
}

//! A lab with Docker Compose: a registry on a volume, then with a certificate, then with a password, looked at in a browser, and
//! an image that was committed is pushed. Its mistake is a published port on which nobody listens.

use anyhow::{Context as _, Result, ensure};

use crate::browser;
use crate::machine::{ADDRESS, Machine, on_a_machine};

const STORAGE: &str = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: /data";
const TLS: &str = "REGISTRY_HTTP_TLS_CERTIFICATE: /certs/localhost.crt, REGISTRY_HTTP_TLS_KEY: /certs/localhost.key";
const AUTH: &str = "REGISTRY_AUTH: htpasswd, REGISTRY_AUTH_HTPASSWD_REALM: Registry Realm, REGISTRY_AUTH_HTPASSWD_PATH: /auth/htpasswd";

const RELAUNCH: &str = "docker-compose stop; docker-compose down; docker-compose up -d";

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_by_compose_keeps_its_images() -> Result<()> {
    on_a_machine(async |machine| {
        compose(machine, &["5000:5000"], STORAGE, &["./data:/data"])?;
        machine.run("docker-compose up -d").await?;
        machine.until("curl --silent --fail http://localhost:5000/v2/").await?;
        push_a_commit(machine, "localhost:5000").await?;
        ensure!(machine.path("data/docker/registry/v2/repositories/newimage").is_dir(), "the volume is empty");

        machine.run(RELAUNCH).await?;
        let catalog = machine.until("curl --silent --fail http://localhost:5000/v2/_catalog").await?;
        assert_eq!(catalog, r#"{"repositories":["newimage"]}"#);
        machine.run("docker rmi localhost:5000/newimage; docker pull localhost:5000/newimage").await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_on_which_nobody_listens_is_found_by_the_log() -> Result<()> {
    on_a_machine(async |machine| {
        certificate(machine, "localhost", "").await?;
        compose(machine, &["443:443"], &format!("{STORAGE}, {TLS}"), &["./data:/data", "./certs:/certs"])?;
        machine.run("docker-compose up -d").await?;
        let container = machine.run("docker-compose ps -q registry").await?;
        let log = machine.logged(&container, "serving https on :5000 (TLS by /certs/localhost.crt)").await?;
        assert!(log.contains("publish with -p 443:5000") && log.contains("REGISTRY_HTTP_ADDR=:443"), "{log}");
        let question = "curl --silent --show-error --fail --insecure https://localhost/v2/_catalog";
        machine.refused(question).await?;

        let listening = format!("{STORAGE}, {TLS}, REGISTRY_HTTP_ADDR: ':443'");
        let either: [(&str, &str); 2] = [("443:5000", &format!("{STORAGE}, {TLS}")), ("443:443", &listening)];
        for (port, environment) in either {
            compose(machine, &[port], environment, &["./data:/data", "./certs:/certs"])?;
            machine.run(RELAUNCH).await?;
            assert_eq!(machine.until(question).await?, r#"{"repositories":[]}"#);
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_read_in_a_browser() -> Result<()> {
    on_a_machine(async |machine| {
        let volumes = ["./data:/data", "./certs:/certs", "./auth:/auth"];
        certificate(machine, "localhost", "").await?;
        machine
            .run("mkdir auth; docker run --entrypoint htpasswd registry:2 -Bbn testuser testpassword > auth/htpasswd")
            .await?;
        compose(machine, &["5000:5000", "443:5000"], &format!("{STORAGE}, {TLS}, {AUTH}"), &volumes)?;
        machine.run("docker-compose up -d").await?;
        let container = machine.run("docker-compose ps -q registry").await?;
        machine.logged(&container, "serving https on :5000").await?;
        machine.run("echo testpassword | docker login --username testuser --password-stdin localhost:5000").await?;
        push_a_commit(machine, "localhost:5000").await?;

        let catalog = "https://testuser:testpassword@localhost/v2/_catalog";
        assert_eq!(browser::warning(machine, catalog, "warning").await?, "ERR_CERT_AUTHORITY_INVALID");
        let page = browser::open_in_spite_of_a_warning(machine, catalog, "dismissed").await?;
        assert!(page.contains(r#"{"repositories":["newimage"]}"#), "{page}");
        let nobody = "https://localhost/v2/_catalog";
        let page = browser::open_in_spite_of_a_warning(machine, nobody, "nobody").await?;
        assert!(!page.contains("newimage"), "nobody reads the catalog without a password: {page}");

        // As the log asks: a certificate that names the host. The server takes it without a restart.
        let log = machine.logged(&container, "subjectAltName").await?;
        assert!(log.contains("-addext subjectAltName=DNS:localhost"), "{log}");
        certificate(machine, "localhost", "-addext subjectAltName=DNS:localhost").await?;
        browser::trust(machine, "certs/localhost.crt").await?;
        machine
            .until(
                "curl --silent --fail --user testuser:testpassword --cacert certs/localhost.crt https://localhost/v2/",
            )
            .await?;
        let page = browser::open(machine, catalog, "trusted").await?;
        assert!(page.contains(r#"{"repositories":["newimage"]}"#), "{page}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_image_is_pushed_after_a_login() -> Result<()> {
    on_a_machine(async |machine| {
        let host = format!("{ADDRESS}:5000");
        certificate(machine, ADDRESS, &format!("-addext subjectAltName=IP:{ADDRESS}")).await?;
        machine
            .run("mkdir auth; docker run --entrypoint htpasswd registry:2 -Bbn testuser testpassword > auth/htpasswd")
            .await?;
        let volumes = ["./data:/data", "./certs:/certs", "./auth:/auth"];
        compose(machine, &["5000:5000"], &format!("{STORAGE}, {TLS}, {AUTH}"), &volumes)?;
        machine.run("docker-compose up -d").await?;
        machine
            .run(&format!(
                "mkdir -p /etc/docker/certs.d/{host}; cp certs/localhost.crt /etc/docker/certs.d/{host}/ca.crt"
            ))
            .await?;
        machine.until(&format!("curl --silent --insecure https://{host}/v2/")).await?;

        machine.run(&format!("docker tag my-image {host}/newimage")).await?;
        let said = machine.refused(&format!("docker push {host}/newimage:latest")).await?;
        assert!(said.contains("no basic auth credentials"), "docker said: {said}");
        let said = machine
            .run(&format!("echo testpassword | docker login --username testuser --password-stdin {host}"))
            .await?;
        assert!(said.contains("Login Succeeded"), "docker said: {said}");
        push_a_commit(machine, &host).await?;
        machine.run(&format!("docker rmi {host}/newimage; docker pull {host}/newimage")).await?;
        let greeting = machine.run(&format!("docker run --rm {host}/newimage cat /greeting")).await?;
        assert_eq!(greeting, "hello");
        Ok(())
    })
    .await
}

/// Writes the lab's `docker-compose.yml`.
fn compose(machine: &Machine, ports: &[&str], environment: &str, volumes: &[&str]) -> Result<()> {
    let file = format!(
        "version: '3'
services:
  registry:
    image: registry:2
    ports: {ports:?}
    environment: {{{environment}}}
    volumes: {volumes:?}
"
    );
    machine.write("docker-compose.yml", &file)
}

/// The lab's certificate, whose common name is `host`, with further `options`.
async fn certificate(machine: &Machine, host: &str, options: &str) -> Result<()> {
    machine
        .run(&format!(
            "mkdir -p certs
             printf '\\n\\n\\n\\n\\n{host}\\n\\n' | openssl req \
                -newkey rsa:4096 -nodes -sha256 -keyout certs/localhost.key \
                -x509 -days 365 -out certs/localhost.crt {options}"
        ))
        .await
        .map(drop)
}

/// Makes an image of a container that somebody has changed, and pushes it.
async fn push_a_commit(machine: &Machine, host: &str) -> Result<()> {
    let container = machine.run("docker run -d nginx sh -c 'echo hello > /greeting'").await?;
    machine.run(&format!("docker wait {container}; docker commit {container} newimage")).await?;
    let pushed = machine
        .run(&format!("docker tag newimage {host}/newimage; docker push {host}/newimage:latest"))
        .await
        .context("failed to push what was committed")?;
    ensure!(pushed.contains("latest: digest: sha256:"), "docker said: {pushed}");
    Ok(())
}

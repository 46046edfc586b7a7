//! A tutorial with three mistakes: the certificates are mounted but not configured, the header is not written as the reference
//! reads it, and the password is not hashed by bcrypt. The log of each says what to change; changed like that, it works.

use anyhow::Result;

use crate::machine::{Machine, on_a_machine};

const CERTIFICATE: &str = "mkdir -p /etc/docker/certs
    printf '\\n\\n\\n\\n\\nlocalhost\\n\\n' | openssl req \
        -newkey rsa:4096 -nodes -keyout /etc/docker/certs/domain.key \
        -x509 -days 365 -out /etc/docker/certs/domain.crt";

const CONFIG: &str = "\
http:
  headers:
    X-Content-Type-Options: nosniff
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/docker/registry/htpasswd
";

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_is_launched_and_tried() -> Result<()> {
    on_a_machine(async |machine| {
        machine.run("docker run -d -p 5000:5000 --name registry registry:2").await?;
        machine.until("curl --silent --fail http://localhost:5000/v2/").await?;
        machine.run("docker tag nginx:latest localhost:5000/my-nginx; docker push localhost:5000/my-nginx").await?;
        let catalog = machine.run("curl http://localhost:5000/v2/_catalog").await?;
        assert_eq!(catalog, r#"{"repositories":["my-nginx"]}"#);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_mounted_but_not_configured_are_pointed_out() -> Result<()> {
    on_a_machine(async |machine| {
        machine.run(CERTIFICATE).await?;
        machine.run(&secured("")).await?;
        let log = machine.logged("registry", "serving http on :5000 (no TLS)").await?;
        let advice = ["REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt", "REGISTRY_HTTP_TLS_KEY=/certs/domain.key"];
        assert!(log.contains("/certs/domain.crt is not used"), "{log}");
        assert!(advice.iter().all(|variable| log.contains(variable)), "{log}");
        assert!(log.contains("write REGISTRY_HTTP_HEADERS='{X-Content-Type-Options: ["), "{log}");
        let question =
            "curl --silent --show-error --include --cacert /etc/docker/certs/domain.crt https://localhost/v2/";
        machine.refused(question).await?;

        machine.run("docker rm -f registry").await?;
        machine.run(&secured(&advice.map(|variable| format!("-e {variable}")).join(" "))).await?;
        let answer = machine.until(question).await?.to_lowercase();
        assert!(answer.contains("200") && answer.contains("x-content-type-options: no-sniff"), "{answer}");
        machine.run("docker restart registry").await?;
        machine.until(question).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_not_hashed_by_bcrypt_is_pointed_out() -> Result<()> {
    on_a_machine(async |machine| {
        machine.run("mkdir -p /etc/docker/registry").await?;
        machine.run("echo secret | htpasswd -c -i /etc/docker/registry/htpasswd myuser").await?;
        machine.write("config.yml", CONFIG)?;
        machine
            .run(
                "cp config.yml /etc/docker/registry/; docker run -d -p 443:5000 \
            --name registry \
            -v /etc/docker/certs:/certs \
            -v /etc/docker/registry/config.yml:/etc/docker/registry/config.yml \
            -v /etc/docker/registry/htpasswd:/etc/docker/registry/htpasswd \
            registry:2",
            )
            .await?;
        let log = machine.logged("registry", "failed to load users").await?;
        assert!(log.contains("/etc/docker/registry/htpasswd line 1: the password of user"), "{log}");
        assert!(log.contains("hashed with MD5") && log.contains("`htpasswd -Bbn myuser PASSWORD`"), "{log}");

        let line = "docker run --rm --entrypoint htpasswd registry:2 -Bbn myuser secret";
        machine.run(&format!("{line} > /etc/docker/registry/htpasswd; docker start registry")).await?;
        let login = "echo secret | docker login --username myuser --password-stdin localhost:443";
        let said = machine.until(login).await?;
        assert!(said.contains("Login Succeeded"), "docker said: {said}");
        let answer = machine.run("curl --silent --head --user myuser:secret http://localhost:443/v2/").await?;
        assert!(answer.to_lowercase().contains("x-content-type-options: nosniff"), "{answer}");
        round_trip(machine).await
    })
    .await
}

/// The tutorial's registry behind port 443, with further `options`.
fn secured(options: &str) -> String {
    format!(
        "docker run -d -p 443:5000 \
            --name registry \
            -v /etc/docker/certs:/certs \
            -e REGISTRY_HTTP_SECRET=mysecretkey \
            -e REGISTRY_HTTP_HEADERS=X-Content-Type-Options=no-sniff \
            --restart=always {options} \
            registry:2"
    )
}

async fn round_trip(machine: &Machine) -> Result<()> {
    machine.run("docker tag my-image localhost:443/my-image; docker push localhost:443/my-image").await?;
    machine.run("docker rmi localhost:443/my-image; docker pull localhost:443/my-image").await.map(drop)
}

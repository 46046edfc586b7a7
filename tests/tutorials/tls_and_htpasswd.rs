//! A tutorial that goes from an insecure registry over one with a certificate to one that asks for a password, each time by
//! `docker run` with a few options more.

use anyhow::{Result, ensure};

use crate::machine::{ADDRESS, Machine, on_a_machine};

/// What openssl asks for where no subject is given; the common name is the sixth answer.
const ANSWERS: &str = "CO\\n\\n\\nA team\\n\\n127.0.0.1\\n\\n";

const CERTIFICATE: &str = "mkdir -p certs
    openssl req -newkey rsa:4096 -nodes -sha256 -keyout certs/domain.key -x509 -days 365 -out certs/domain.crt";

#[tokio::test(flavor = "multi_thread")]
async fn an_insecure_registry_is_named_to_the_engine() -> Result<()> {
    on_a_machine(async |machine| {
        let run = "docker run -d -p 5000:5000 --name registry registry:2";
        machine.run(&format!("{run}; docker tag hello-world {ADDRESS}:5000/hello-world")).await?;
        machine.until("curl --silent --fail 127.0.0.1:5000/v2/").await?;
        let said = machine.refused(&format!("docker push {ADDRESS}:5000/hello-world")).await?;
        assert!(said.contains("server gave HTTP response to HTTPS client"), "docker said: {said}");

        let options = format!("--insecure-registry 127.0.0.1:5000 --insecure-registry {ADDRESS}:5000");
        machine
            .run(&format!("echo 'DOCKER_OPTS=\"{options}\"' > /etc/default/docker; systemctl restart docker"))
            .await?;
        machine.run("docker start registry").await?;
        machine.until("curl --silent --fail 127.0.0.1:5000/v2/").await?;
        round_trip(machine, &format!("{ADDRESS}:5000")).await?;
        round_trip(machine, "127.0.0.1:5000").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_handed_to_the_engine() -> Result<()> {
    on_a_machine(async |machine| {
        machine.run(&format!("printf '{ANSWERS}' | ({CERTIFICATE})")).await?;
        trust(machine, "127.0.0.1:5000").await?;
        machine.run("systemctl restart docker").await?;
        machine.run(&with_tls("")).await?;
        let log = machine.logged("registry", "serving https on :5000 (TLS by /certs/domain.crt)").await?;
        round_trip(machine, "127.0.0.1:5000").await?;

        // 127.0.0.1 is an exception; from elsewhere Docker wants a name that is not the common name.
        assert!(log.contains("subjectAltName") && log.contains("-addext"), "{log}");
        trust(machine, &format!("{ADDRESS}:5000")).await?;
        machine.run(&format!("docker tag hello-world {ADDRESS}:5000/hello-world")).await?;
        let said = machine.refused(&format!("docker push {ADDRESS}:5000/hello-world")).await?;
        assert!(said.contains("SAN"), "docker said: {said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_the_name_that_is_asked_for_is_verified() -> Result<()> {
    on_a_machine(async |machine| {
        let named = format!("-addext subjectAltName=IP:{ADDRESS},DNS:localhost");
        machine.run(&format!("printf '{ANSWERS}' | ({CERTIFICATE} {named})")).await?;
        machine.run(&with_tls("")).await?;
        let log = machine.logged("registry", "serving https on :5000").await?;
        assert!(!log.contains("subjectAltName"), "{log}");

        machine.run(&format!("docker tag hello-world {ADDRESS}:5000/hello-world")).await?;
        let said = machine.refused(&format!("docker push {ADDRESS}:5000/hello-world")).await?;
        assert!(said.contains("certificate signed by unknown authority"), "docker said: {said}");
        trust(machine, &format!("{ADDRESS}:5000")).await?;
        round_trip(machine, &format!("{ADDRESS}:5000")).await?;

        let answers = format!("curl --silent --fail --cacert certs/domain.crt https://{ADDRESS}:5000/v2/_catalog");
        let process = machine.run("docker inspect --format '{{.State.Pid}}' registry").await?;
        machine.run(&format!("kill -KILL {process}")).await?;
        let again = format!("[ $(docker inspect --format '{{{{.State.Pid}}}}' registry) != {process} ] && {answers}");
        assert_eq!(machine.until(&again).await?, r#"{"repositories":["hello-world"]}"#);
        machine.run("systemctl restart docker").await?;
        assert_eq!(machine.until(&answers).await?, r#"{"repositories":["hello-world"]}"#);
        round_trip(machine, &format!("{ADDRESS}:5000")).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_before_a_pull() -> Result<()> {
    on_a_machine(async |machine| {
        machine.run(&format!("printf '{ANSWERS}' | ({CERTIFICATE})")).await?;
        machine
            .run("mkdir auth; docker run --entrypoint htpasswd registry:latest -Bbn moby gordon > auth/htpasswd")
            .await?;
        let auth = "-v $(pwd)/auth:/auth \
            -e REGISTRY_AUTH=htpasswd \
            -e \"REGISTRY_AUTH_HTPASSWD_REALM=Registry Realm\" \
            -e \"REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd\"";
        machine.run(&with_tls(auth)).await?;
        machine.logged("registry", "authentication htpasswd (/auth/htpasswd)").await?;

        let pull = "docker pull 127.0.0.1:5000/hello-world";
        let said = machine.refused(pull).await?;
        assert!(said.contains("log in (docker login)"), "docker said: {said}");
        let login = "docker login --username moby --password-stdin 127.0.0.1:5000";
        machine.refused(&format!("echo wrong | {login}")).await?;
        let said = machine.run(&format!("echo gordon | {login}")).await?;
        assert!(said.contains("Login Succeeded"), "docker said: {said}");
        round_trip(machine, "127.0.0.1:5000").await?;
        let challenge = machine.run("curl --silent --insecure --head https://127.0.0.1:5000/v2/").await?;
        assert!(challenge.to_lowercase().contains("www-authenticate: basic realm=\"registry realm\""), "{challenge}");
        Ok(())
    })
    .await
}

/// The tutorial's registry with TLS, and with further `options`.
fn with_tls(options: &str) -> String {
    format!(
        "docker run -d -p 5000:5000 --name registry \
            --restart unless-stopped \
            -v $(pwd)/registry-data:/var/lib/registry -v $(pwd)/certs:/certs {options} \
            -e REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt \
            -e REGISTRY_HTTP_TLS_KEY=/certs/domain.key \
            registry"
    )
}

/// Puts the certificate where the engine looks for the authorities of one registry.
async fn trust(machine: &Machine, host: &str) -> Result<()> {
    machine
        .run(&format!(
            "mkdir -p /etc/docker/certs.d/{host}
             cp $(pwd)/certs/domain.crt /etc/docker/certs.d/{host}/ca.crt"
        ))
        .await
        .map(drop)
}

/// Publishes an image and pulls it again.
async fn round_trip(machine: &Machine, host: &str) -> Result<()> {
    let image = format!("{host}/hello-world");
    let pushed = machine.run(&format!("docker tag hello-world {image} && docker push {image}")).await?;
    ensure!(pushed.contains("latest: digest: sha256:"), "docker said: {pushed}");
    let pulled = machine.run(&format!("docker rmi {image} && docker pull {image}")).await?;
    ensure!(pulled.contains("Status: Downloaded newer image"), "docker said: {pulled}");
    Ok(())
}

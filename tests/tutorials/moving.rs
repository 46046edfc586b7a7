//! `deploy/moving`, from docker-compose to docker-compose: the commands as they stand there, and back.

use anyhow::Result;
use support::{guide, root, this_test};

use crate::machine::{ADDRESS, Machine, on_a_machine};

/// The names in the document, of what there is here.
const NAMES: &str = "export CONTAINER=registry VOLUME=old_data OLD=$PWD COMPOSE_PROJECT_NAME=team REGISTRY_PORT=5000 \
    REGISTRY_USER=moby REGISTRY_HOST=192.0.2.10 BUSYBOX=localhost/app:1";

/// The old registry, as root, with a certificate and a user.
const OLD: &str = "mkdir auth certs
    docker run --rm --entrypoint htpasswd localhost/server -Bbn moby gordon > auth/htpasswd
    openssl req -newkey rsa:2048 -nodes -keyout certs/domain.key -x509 -days 365 -out certs/domain.crt \
        -subj /CN=registry -addext subjectAltName=IP:192.0.2.10
    docker run --detach --name registry --publish 5000:5000 --volume old_data:/var/lib/registry \
        --volume $PWD/auth:/auth --volume $PWD/certs:/certs --env REGISTRY_AUTH=htpasswd \
        --env REGISTRY_AUTH_HTPASSWD_REALM=Registry --env REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd \
        --env REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt --env REGISTRY_HTTP_TLS_KEY=/certs/domain.key \
        localhost/registry:2";

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_2_moves_into_our_compose_file_and_back_and_clients_notice_nothing() -> Result<()> {
    on_a_machine(async |machine| {
        let archive = root().join(".cluster/registry2.tar");
        machine
            .run(&format!(
                "docker load --quiet --input {}
                 docker tag registry:latest localhost/server
                 {OLD}
                 install -D certs/domain.crt /etc/docker/certs.d/{ADDRESS}:5000/ca.crt",
                archive.display()
            ))
            .await?;
        machine.until(&format!("echo gordon | docker login --username moby --password-stdin {ADDRESS}:5000")).await?;
        push(machine, "old", "before").await?;

        std::fs::copy(root().join("deploy/compose/compose.yaml"), machine.path("compose.yaml"))?;
        follow(machine, &this_test!(), "Move").await?;
        answers(machine).await?;
        pull(machine, "before").await?;
        push(machine, "new", "meanwhile").await?;

        follow(machine, &this_test!(), "Back").await?;
        answers(machine).await?;
        for tag in ["before", "meanwhile"] {
            pull(machine, tag).await?;
        }
        push(machine, "old", "after").await
    })
    .await
}

async fn follow(machine: &Machine, test: &str, heading: &str) -> Result<()> {
    let typed: String = guide::below(test, heading)?.into_iter().map(|block| block.text).collect();
    machine.run(&format!("{NAMES}\n{typed}")).await.map(drop)
}

/// With the certificate and the password of before.
async fn answers(machine: &Machine) -> Result<()> {
    let ask = "curl --silent --fail --cacert certs/domain.crt --user moby:gordon";
    machine.until(&format!("{ask} https://{ADDRESS}:5000/v2/_catalog")).await.map(drop)
}

async fn push(machine: &Machine, repository: &str, tag: &str) -> Result<()> {
    let image = format!("{ADDRESS}:5000/{repository}/app:{tag}");
    machine.run(&format!("docker tag nginx {image}; docker push {image}; docker rmi {image}")).await.map(drop)
}

async fn pull(machine: &Machine, tag: &str) -> Result<()> {
    let repository = if tag == "meanwhile" { "new" } else { "old" };
    let image = format!("{ADDRESS}:5000/{repository}/app:{tag}");
    machine.run(&format!("docker pull {image}; docker rmi {image}")).await.map(drop)
}

//! Not tutorials, but what ours would begin with: the files of `deploy/compose`, and the commands that the server's README has
//! for them.

use anyhow::{Result, ensure};
use support::guide::{self, Block};
use support::{root, this_test};

use crate::machine::{ADDRESS, Machine, on_a_machine};

/// The test that types how the README starts compose.yaml, which others begin with.
const START: &str = "tutorials/compose_file::one_command_starts_a_registry_with_certificate_and_user_and_keeps_them";

#[tokio::test(flavor = "multi_thread")]
async fn one_command_starts_a_registry_with_certificate_and_user_and_keeps_them() -> Result<()> {
    on_a_machine(async |machine| {
        assert_eq!(START, this_test!());
        start(machine).await?;
        let host = format!("{ADDRESS}:5000");
        machine.run(&format!("docker tag nginx {host}/app:1; docker push {host}/app:1")).await?;
        let (serial, files) = (serial(machine).await?, "cat ca.crt password");
        let first = machine.run(files).await?;

        start(machine).await?;
        assert_eq!(machine.run(files).await?, first, "a second start keeps authority and password");
        machine.run(&format!("docker compose down; docker logout {host}")).await?;
        start(machine).await?;
        assert_eq!(machine.run(files).await?, first, "volumes outlive the containers");
        assert_eq!(self::serial(machine).await?, serial);
        machine.run(&format!("docker rmi {host}/app:1; docker pull {host}/app:1")).await?;
        no_root_and_no_volume_without_name(machine).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_renewed_and_who_is_added_counts_without_a_restart() -> Result<()> {
    on_a_machine(async |machine| {
        start(machine).await?;
        let before = serial(machine).await?;
        let renew = "docker compose run --rm -T certificate certificate --ca-key=/ca/ca.key --renew";
        machine.run(&format!("{renew} {ADDRESS}")).await?;
        machine.until(&format!("[ \"$({})\" != '{before}' ]", SERIAL.replace("HOST", ADDRESS))).await?;
        machine.run(&format!("curl --cacert ca.crt https://{ADDRESS}:5000/v2/")).await?;

        let login = format!("docker login --username alice --password-stdin {ADDRESS}:5000 < password-of-alice");
        let [add, remove] = &guide::of(&this_test!())?[..] else { panic!("the README has other commands") };
        machine.run(&format!("echo of-the-harbour > password-of-alice; {}", add.text)).await?;
        machine.until(&login).await?;
        machine.run(&remove.text).await?;
        machine.until(&format!("! {login}")).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_file_runs_as_it_is() -> Result<()> {
    on_a_machine(async |machine| {
        let compose = format!(
            "docker compose --file {} --project-name registry",
            root().join("deploy/compose/plain.yaml").display()
        );
        machine.run(&format!("{compose} up --detach")).await?;
        let catalog = "curl --silent --fail localhost:5000/v2/_catalog";
        machine.until(catalog).await?;
        machine.run("docker tag nginx localhost:5000/app:1; docker push localhost:5000/app:1").await?;

        machine.run(&format!("{compose} down; {compose} up --detach")).await?;
        assert_eq!(machine.until(catalog).await?, r#"{"repositories":["app"]}"#);
        machine.run("docker rmi localhost:5000/app:1; docker pull localhost:5000/app:1").await.map(drop)
    })
    .await
}

/// What `block` types, with the machine's own address in place of a name that nobody would find.
fn here(block: &Block) -> String {
    let typed = block.text.replace("registry.example.com,", "").replace("192.0.2.10", ADDRESS);
    typed.replace("registry.example.com", ADDRESS)
}

/// What the README says, in a folder with compose.yaml alone. The last line once there is somebody who answers.
async fn start(machine: &Machine) -> Result<()> {
    std::fs::copy(root().join("deploy/compose/compose.yaml"), machine.path("compose.yaml"))?;
    let typed: String = guide::of(START)?.iter().map(here).collect();
    let (commands, login) = typed.trim_end().rsplit_once('\n').unwrap_or_default();
    machine.run(commands).await?;
    let said = machine.until(login).await?;
    ensure!(said.contains("Login Succeeded"), "docker said: {said}");
    Ok(())
}

/// Prints the serial number of the certificate that is served.
const SERIAL: &str = "openssl s_client -connect HOST:5000 </dev/null 2>/dev/null | openssl x509 -noout -serial";

async fn serial(machine: &Machine) -> Result<String> {
    machine.run(&SERIAL.replace("HOST", ADDRESS)).await
}

async fn no_root_and_no_volume_without_name(machine: &Machine) -> Result<()> {
    let users = "docker inspect --format '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}' $(docker ps --all --quiet) | sort --unique";
    assert_eq!(machine.run(users).await?, "65532 true");
    let volumes = machine.run("docker volume ls --quiet | sort").await?;
    let names: Vec<&str> = volumes.lines().collect();
    assert_eq!(names, ["work_authority", "work_certificates", "work_images", "work_users"]);
    let health =
        "docker inspect --format '{{.State.Health.Status}}' $(docker compose ps --quiet registry) | grep -x healthy";
    machine.until(health).await.map(drop)
}

//! The server's own page, typed from top to bottom as it stands there, after what the first page has for those without a cluster.
//! Beyond what they show the reader has an image to push, and removes one registry before the next one takes its name and ports.

use anyhow::{Context as _, Result, bail, ensure};
use support::guide::{self, Block};
use support::this_test;

use crate::machine::{Machine, on_a_machine};

/// The image under the name that the page gives it.
const IMAGE: &str = concat!("privateregistry/server:", env!("CARGO_PKG_VERSION"));

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_page_is_typed_from_top_to_bottom() -> Result<()> {
    let blocks = guide::of(&this_test!())?;
    on_a_machine(async |machine| {
        machine.run("docker tag localhost/app:1 busybox").await?;
        for block in &blocks {
            let done = if block.is_typed() { type_in(machine, block).await } else { use_file(machine, block).await };
            done.with_context(|| block.place())?;
        }
        Ok(())
    })
    .await
}

/// Types a block; of a registry that it starts, waits until it serves, as a reader does before the next block.
async fn type_in(machine: &Machine, block: &Block) -> Result<()> {
    let starts = block.text.contains("--name registry");
    if starts {
        machine.run("docker rm --force registry").await?;
    }
    if block.text.contains("/debug/pprof/") {
        let debug = "-p 5001:5001 -e REGISTRY_HTTP_DEBUG_ADDR=:5001";
        machine.run(&format!("docker run -d --name profiled {debug} {IMAGE}")).await?;
        machine.until("curl --silent --fail http://127.0.0.1:5001/readyz").await?;
    }
    machine.run(&block.text).await?;
    if starts { until_serving(machine).await } else { Ok(()) }
}

/// Whichever way it serves, and whoever may ask.
async fn until_serving(machine: &Machine) -> Result<()> {
    machine.until("docker exec registry registry healthcheck").await.map(drop)
}

/// What a block of YAML is for: a configuration, part of one, rules, or part of a compose file.
async fn use_file(machine: &Machine, block: &Block) -> Result<()> {
    let text = &block.text;
    match text.lines().next().unwrap_or_default() {
        "version: 0.1" => machine.write("config.yml", text), // the next command reads it
        "health:" => {
            let rest = "version: 0.1\nstorage: {inmemory: {}}\nhttp: {addr: \":5000\"}\n";
            machine.write("part.yml", &format!("{rest}{text}"))?;
            let check = format!("docker run --rm -v \"$PWD/part.yml:/part.yml:ro\" {IMAGE} serve --check /part.yml");
            machine.run(&check).await.map(drop)
        }
        "rules:" => restrict(machine, text).await,
        "healthcheck:" => add_to_compose_file(machine, text).await,
        other => bail!("nobody has said what `{other}` is for"),
    }
}

/// Has a registry serve with `rules`.
async fn restrict(machine: &Machine, rules: &str) -> Result<()> {
    machine.write("auth/access.yml", rules)?;
    let users =
        "-e REGISTRY_AUTH=htpasswd -e REGISTRY_AUTH_HTPASSWD_REALM=r -e REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd";
    let access = "-v \"$PWD/auth:/auth:ro\" -e REGISTRY_ACCESS_PATH=/auth/access.yml";
    machine.run(&format!("docker run -d --name rules {users} {access} {IMAGE}")).await?;
    machine.logged("rules", "serving http").await.map(drop)
}

/// Has Docker say how a container is whose service has these `lines`.
async fn add_to_compose_file(machine: &Machine, lines: &str) -> Result<()> {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    machine.write("compose.yaml", &format!("services:\n  checked:\n    image: {IMAGE}\n{lines}"))?;
    machine.run("docker compose up --detach").await?;
    let told = machine.run("docker compose config").await?;
    ensure!(told.contains("/bin/registry"), "{told}");
    let health = "docker inspect --format '{{.State.Health.Status}}' $(docker compose ps --quiet checked)";
    machine.until(&format!("{health} | grep -x healthy")).await?;
    machine.run("docker compose down").await.map(drop)
}

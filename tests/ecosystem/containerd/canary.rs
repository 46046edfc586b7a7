//! The canary's image is one that containerd 2 pulls, with its transfer service and without, where it reads the directory; where it does
//! not, it says what it has tried.

use anyhow::{Result, ensure};
use support::control_plane::{CANARY_HOST, Options, on_own_control_plane};
use support::secure_server::User;

use super::daemon::Containerd;

const IMAGES: &str = "[plugins.'io.containerd.cri.v1.images']";
const DIRECTORY: &str = "registry.config_path = '/etc/containerd/certs.d'";

#[tokio::test(flavor = "multi_thread")]
async fn containerd_2_pulls_the_canary_where_it_reads_the_directory_and_says_otherwise_what_it_tried() -> Result<()> {
    on_own_control_plane("canary", Options::default(), async |stage| {
        let node = stage.play_node(&format!("containerd://{}", Containerd::version().await?)).await?;
        let mut agent = None;
        for (configured, pulls) in [
            (DIRECTORY, true),
            ("use_local_image_pull = true", true),
            ("registry.config_path = '/etc/elsewhere'", false),
        ] {
            node.write("etc/containerd/config.toml", &format!("version = 3\n{IMAGES}\n{configured}\n"))?;
            if agent.is_none() {
                agent.insert(node.spawn()?).until_ready().await?;
            }
            let containerd = Containerd::start(&node.path("")).await?;
            let pulled = containerd.pull(&format!("{CANARY_HOST}/node-trust:self"), User::Puller).await?;
            ensure!(pulled.success == pulls, "with {configured}: {}", pulled.stderr);
            ensure!(pulls || pulled.stderr.contains(CANARY_HOST), "not its own words: {}", pulled.stderr);
        }
        Ok(())
    })
    .await
}

//! Not a tutorial, but what one of ours would begin with: `deploy/compose/compose.yaml`, as it is.

use anyhow::Result;
use support::docker::server_image;
use support::root;

use crate::machine::on_a_machine;

#[tokio::test(flavor = "multi_thread")]
async fn the_compose_file_of_this_project_runs_as_it_is() -> Result<()> {
    on_a_machine(async |machine| {
        let file = root().join("deploy/compose/compose.yaml");
        let named = std::fs::read_to_string(&file)?;
        let named = named.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap_or_default();
        machine.run(&format!("docker tag {} {named}", server_image())).await?;

        let compose = format!("docker-compose --file {} --project-name registry", file.display());
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

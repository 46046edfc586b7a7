//! A lab in which the registry is tried on `localhost`: an empty catalog, a tag, a push, a catalog with one repository, and it
//! is thrown away.

use anyhow::Result;

use crate::machine::{ADDRESS, on_a_machine};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_one_s_own_registry_on_localhost() -> Result<()> {
    on_a_machine(async |machine| {
        machine.run("docker container run --name registry -d -p 5000:5000 registry:2.6").await?;
        let catalog = "curl --silent --fail localhost:5000/v2/_catalog";
        assert_eq!(machine.until(catalog).await?, r#"{"repositories":[]}"#);

        machine.run("docker image tag nginx localhost:5000/w3:1.0").await?;
        let listed = machine.run("docker image ls").await?;
        let same: Vec<_> = listed.lines().filter(|line| line.starts_with("nginx") || line.contains("/w3")).collect();
        assert_eq!(same.len(), 2, "{listed}");

        let pushed = machine.run("docker image push localhost:5000/w3:1.0").await?;
        assert!(pushed.contains("The push refers to repository [localhost:5000/w3]"), "{pushed}");
        assert!(pushed.contains(": Pushed") && pushed.contains("1.0: digest: sha256:"), "{pushed}");
        assert_eq!(machine.run(catalog).await?, r#"{"repositories":["w3"]}"#);

        machine.run("docker image rm localhost:5000/w3:1.0 && docker image pull localhost:5000/w3:1.0").await?;
        machine.run("docker container rm -f registry").await?;
        machine.refused(catalog).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_only_localhost_is_an_exception() -> Result<()> {
    on_a_machine(async |machine| {
        machine.run("docker container run --name registry -d -p 5000:5000 registry:2.6").await?;
        let log = machine.logged("registry", "serving http on :5000 (no TLS)").await?;
        assert!(log.contains("publish with -p 5000:5000"), "{log}");

        machine.run(&format!("docker image tag nginx {ADDRESS}:5000/w3:1.0")).await?;
        let said = machine.refused(&format!("docker image push {ADDRESS}:5000/w3:1.0")).await?;
        assert!(said.contains("server gave HTTP response to HTTPS client"), "docker said: {said}");
        Ok(())
    })
    .await
}

//! cosign signs and attests with a key of one's own, and keeps what it makes as referrers of the image. No transparency log: nothing
//! leaves this machine.

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::Value;
use support::home::Home;
use support::image::Image;
use support::secure_server::{LOOPBACK, Server, User, with_server};

/// How cosign is kept from asking the Internet.
const OFFLINE: [&str; 3] = ["--yes", "--use-signing-config=false", "--tlog-upload=false"];

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_a_referrer_that_verifies() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (cosign, image) = (signer(server).await?, pushed(server).await?);
        let verify = ["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", &image];
        cosign.refused("cosign", verify).await?;

        cosign
            .run("cosign", ["sign", "--key", "cosign.key"].into_iter().chain(OFFLINE).chain([image.as_str()]))
            .await?;
        let referrers = referrers(server, &image).await?;
        ensure!(referrers.len() == 1, "the referrers are {referrers:?}");
        let verified = cosign.run("cosign", verify).await?;
        assert!(verified.contains(digest(&image)), "cosign verified {verified}");
        only_tag(server, &cosign).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_is_a_referrer_that_verifies() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (cosign, image) = (signer(server).await?, pushed(server).await?);
        cosign.write("sbom.json", r#"{"spdxVersion": "SPDX-2.3", "name": "app"}"#)?;
        let attest = ["attest", "--key", "cosign.key", "--type", "spdxjson", "--predicate", "sbom.json"];
        cosign.run("cosign", attest.into_iter().chain(OFFLINE).chain([image.as_str()])).await?;
        ensure!(referrers(server, &image).await?.len() == 1, "the attestation is no referrer");

        let verify =
            ["verify-attestation", "--key", "cosign.pub", "--type", "spdxjson", "--insecure-ignore-tlog=true", &image];
        let verified = cosign.run("cosign", verify).await?;
        assert!(verified.contains("payload"), "cosign verified {verified}");
        only_tag(server, &cosign).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_push_may_not_sign() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let (cosign, image) = (signer(server).await?, pushed(server).await?);
        log_in(&cosign, server, User::Puller).await?;
        let sign = ["sign", "--key", "cosign.key"].into_iter().chain(OFFLINE).chain([image.as_str()]);
        let said = cosign.refused("cosign", sign).await?;
        assert!(said.contains("DENIED"), "cosign said: {said}");
        ensure!(referrers(server, &image).await?.is_empty(), "something was signed");
        Ok(())
    })
    .await
}

/// The home of somebody with a key, who may push.
async fn signer(server: &Server) -> Result<Home> {
    let home = server.home()?;
    log_in(&home, server, User::Pusher).await?;
    // The key's password, asked for twice.
    home.run_with_input("cosign", ["generate-key-pair"], "").await?;
    Ok(home)
}

async fn log_in(home: &Home, server: &Server, user: User) -> Result<()> {
    let login = ["login", server.host(), "--username", user.name(), "--password-stdin"];
    home.run_with_input("cosign", login, user.password()).await.map(drop)
}

/// Pushes an image, and returns its reference by digest.
async fn pushed(server: &Server) -> Result<String> {
    let (image, home) = (Image::random(1, 1024)?, server.home()?);
    let login = ["auth", "login", server.host(), "--username", User::Pusher.name(), "--password-stdin"];
    home.run_with_input("crane", login, User::Pusher.password()).await?;
    home.run("crane", ["push", &image.archive().display().to_string(), &server.reference("team/app:1")]).await
}

fn digest(reference: &str) -> &str {
    reference.split_once('@').map_or("", |(_, digest)| digest)
}

/// What the server says refers to the image (distribution-spec, Listing Referrers).
async fn referrers(server: &Server, image: &str) -> Result<Vec<Value>> {
    let path = format!("/v2/team/app/referrers/{}", digest(image));
    let answer = server.ask(Method::GET, &path, User::Puller).await?;
    let index: Value = serde_json::from_slice(&answer.body)?;
    index.get("manifests").and_then(Value::as_array).cloned().with_context(|| format!("{path} says {}", answer.text()))
}

/// There is no tag that stands in for a referrer.
async fn only_tag(server: &Server, home: &Home) -> Result<()> {
    let tags = home.run("crane", ["ls", &server.reference("team/app")]).await?;
    ensure!(tags == "1", "the tags are {tags:?}");
    Ok(())
}

//! The certificate follows the spec and the user's Secret without a restart, and a bad one never replaces a good one.

use anyhow::{Result, ensure};
use futures::future::try_join3;
use http::Method;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use serde_json::json;
use support::crane::Crane;
use support::https;
use support::image::Image;
use support::manifest::at;
use support::namespace::in_namespace;
use support::pki::{Authority, Leaf};
use support::registry::{Registry, restarts};
use support::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn an_added_name_is_served_without_restarting_the_pod() -> Result<()> {
    in_namespace("certificate", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let pod = team.pod().await?;
        let ca = team.credentials("pull").await?.ca;
        assert!(https::connect(team.connect().await?, "images.example.test", &ca).await.is_err(), "not named yet");

        team.apply(json!({"tls": {"selfSigned": {"dnsNames": ["images.example.test"]}}})).await?;

        eventually("a certificate with the added name", async || {
            team.ask_as("images.example.test", Method::GET, "/v2/", None, &ca).await
        })
        .await?;
        team.until_ready().await?;
        assert_eq!(team.pod().await?.uid(), pod.uid(), "the server re-reads its certificate by itself");
        assert_eq!(team.credentials("pull").await?.ca, ca, "a new certificate needs no new trust");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_ones_own_is_followed_and_a_bad_one_is_not() -> Result<()> {
    in_namespace("certificate", async |namespace| {
        let spec = "{tls: {secretRef: {name: own}}}";
        let team = namespace.registry("team").spec(spec)?.created().await?;
        team.until_condition("CertificateReady", "False", "own").await?;

        let host = team.host();
        let (first, second) = (Authority::new("the first authority")?, Authority::new("the second authority")?);
        let put = async |leaf: &Leaf, ca: &str| {
            let values = [("tls.crt", leaf.certificate.as_str()), ("tls.key", leaf.key.as_str()), ("ca.crt", ca)];
            namespace.put_secret("own", "kubernetes.io/tls", values).await
        };
        put(&first.issue(&[&host])?, &first.certificate()).await?;
        team.until_ready().await?;
        let pod = team.pod().await?;
        serves(&team, &first).await?;

        // A key that belongs to another certificate, then no certificate at all.
        let torn = Leaf { key: first.issue(&[&host])?.key, ..first.issue(&[&host])? };
        let nonsense = Leaf { certificate: "nonsense".to_owned(), key: "nonsense".to_owned() };
        for bad in [torn, nonsense] {
            put(&bad, &first.certificate()).await?;
            team.until_condition("CertificateReady", "False", "own").await?;
            serves(&team, &first).await?;
        }

        put(&second.issue(&[&host])?, &second.certificate()).await?;
        eventually("the second authority's certificate", async || serves(&team, &second).await).await?;
        // The first authority stays beside it until every Pod is known to serve the new certificate.
        eventually("the first authority to be withdrawn", async || {
            let ca = team.credentials("pull").await?.ca;
            ensure!(ca.trim() == second.certificate().trim(), "clients are still told to trust another one");
            Ok(())
        })
        .await?;
        team.until_ready().await?;
        let now = team.pod().await?;
        assert_eq!((now.uid(), restarts(&now)), (pod.uid(), 0), "no restart, no crash");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pull_fails_while_the_certificate_and_then_its_authority_change() -> Result<()> {
    in_namespace("certificate", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let pod = team.pod().await?;
        let (serial, authority) = (serial_number(&team).await?, team.credentials("pull").await?.ca);
        let image = Image::random(2, 1 << 20)?;
        Crane::with(&team, "push").await?.push(&image, "app:1").await?;

        let rotations = async {
            team.annotate("privateregistry.io/renew", "by hand").await?;
            eventually("another certificate", async || {
                ensure!(serial_number(&team).await? != serial, "it is still the first one");
                Ok(())
            })
            .await?;
            ensure!(team.credentials("pull").await?.ca == authority, "another certificate needs no other authority");

            namespace.api::<Secret>().delete("team-ca", &DeleteParams::default()).await?;
            // It is published beside the new one until every Pod is known to serve a certificate of that.
            eventually("the first authority to be withdrawn", async || {
                let told = team.credentials("pull").await?.ca;
                ensure!(!told.contains(authority.trim()), "clients are still told to trust it");
                Ok(())
            })
            .await
        };
        let pull = || pull_for_ever(&team, &image);
        tokio::select! {
            done = rotations => done?,
            failed = Box::pin(try_join3(pull(), pull(), pull())) => failed.map(drop)?,
        }

        let now = team.pod().await?;
        assert_eq!((now.uid(), restarts(&now)), (pod.uid(), 0), "no restart, no crash");
        Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await
    })
    .await
}

/// Pulls over and over, each time as a client that has just read the pull Secret; comes back with what went wrong alone.
async fn pull_for_ever(team: &Registry, image: &Image) -> Result<()> {
    loop {
        Crane::with(team, "pull").await?.pull_same(image, "app:1").await?;
    }
}

/// What tells the certificate that is in force from others.
async fn serial_number(team: &Registry) -> Result<String> {
    Ok(at(&team.object().await?, "/status/certificate/serialNumber").to_string())
}

/// That the registry presents a certificate of `authority`.
async fn serves(team: &Registry, authority: &Authority) -> Result<()> {
    let answer = team.ask(Method::GET, "/v2/", None, &authority.certificate()).await?;
    ensure!(answer.status == 401, "the registry answered {}", answer.status);
    Ok(())
}

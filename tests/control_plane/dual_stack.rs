//! A Service with addresses of both IP families: the certificate is good for both.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Secret, Service};
use support::control_plane::{Options, on_own_control_plane};
use support::pki;

#[tokio::test]
async fn the_certificate_of_a_service_of_both_families_is_good_for_both_addresses() -> Result<()> {
    let both = "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112".to_owned();
    let options = Options { api_server_flags: vec![both], ..Options::default() };
    on_own_control_plane("dual_stack", options, async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let spec = "service: {ipFamilyPolicy: RequireDualStack}";
        let team = stage.namespace.registry("team").spec(spec)?.ready().await?;

        let service = stage.namespace.api::<Service>().get("team").await?;
        let addresses = service.spec.and_then(|spec| spec.cluster_ips).unwrap_or_default();
        let [first, second] = addresses.as_slice() else { anyhow::bail!("not two addresses: {addresses:?}") };
        ensure!(first.contains('.') && second.contains(':'), "{addresses:?}");

        let served = stage.namespace.api::<Secret>().get("team-tls").await?.data.context("no data")?;
        let leaf = std::str::from_utf8(&served["tls.crt"].0)?;
        let ca = team.credentials("pull").await?.ca;
        for name in [first.as_str(), second, "127.0.0.1", "::1", &team.host()] {
            pki::verify(leaf, name, &ca).with_context(|| name.to_owned())?;
        }
        ensure!(pki::verify(leaf, "fd00:10:96::ffff", &ca).is_err(), "good for an address that is not the Service's");
        Ok(())
    })
    .await
}

//! `spec: {}` is a complete registry, ready within seconds, and makes exactly what the documentation lists.

use std::time::Instant;

use anyhow::Result;
use support::figure::figure;
use support::manifest::at;
use support::namespace::in_namespace;
use support::registry::{condition, ensure_same};

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_spec_becomes_a_ready_registry_with_exactly_its_children() -> Result<()> {
    in_namespace("create", async |namespace| {
        let applied = Instant::now();
        let team = namespace.registry("team").ready().await?;
        figure("create: `spec: {}` to Ready", format_args!("{:.1} s", applied.elapsed().as_secs_f32()));

        let expected = [
            "ConfigMap/team-config",
            "Deployment/team",
            "PersistentVolumeClaim/team",
            "Secret/team-ca",
            "Secret/team-credentials",
            "Secret/team-htpasswd",
            "Secret/team-http",
            "Secret/team-pull",
            "Secret/team-push",
            "Secret/team-tls",
            "Service/team",
            "ServiceAccount/team",
        ];
        ensure_same(&expected.map(str::to_owned).into(), &team.children().await?)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_a_user_where_the_registry_is_and_how_to_log_in() -> Result<()> {
    in_namespace("create", async |namespace| {
        let team = namespace.registry("team").ready().await?;

        let object = team.object().await?;
        assert_eq!(at(&object, "/status/endpoint"), &team.host());
        assert_eq!(at(&object, "/status/pullSecretRef/name"), "team-pull");
        assert_eq!(at(&object, "/status/pushSecretRef/name"), "team-push");
        assert_eq!(at(&object, "/status/storage/claimName"), "team");
        assert_eq!(at(&object, "/status/readyReplicas"), 1);
        for (type_, status) in [
            ("Ready", "True"),
            ("Reconciling", "False"),
            ("Stalled", "False"),
            ("CertificateReady", "True"),
            ("StorageReady", "True"),
            ("CredentialsReady", "True"),
        ] {
            assert_eq!(condition(&object, type_)["status"], status, "condition {type_}");
        }
        assert_eq!(team.credentials("pull").await?.registry, team.host());
        Ok(())
    })
    .await
}

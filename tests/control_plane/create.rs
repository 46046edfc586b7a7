//! The smallest resource gets all its children from the rights that are shipped.

use anyhow::Result;
use support::control_plane::beside_a_registry;
use support::registry::{Registry, ensure_same};

/// What `spec: {}` asks for.
const CHILDREN: [&str; 12] = [
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

#[tokio::test]
async fn an_empty_spec_gets_its_children_and_is_ready() -> Result<()> {
    beside_a_registry("create", "{}", async |_, team| ensure_complete(team).await).await
}

/// That the registry `team` has what `spec: {}` asks for, and nothing else.
pub(crate) async fn ensure_complete(team: &Registry) -> Result<()> {
    ensure_same(&CHILDREN.map(str::to_owned).into(), &team.children().await?)
}

//! Who writes which fields: the operator all of its children's, as one manager, and of a registry the status alone.

use anyhow::{Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use support::control_plane::beside_a_registry;

const MANAGER: &str = "private-registry-operator";

fn entries(object: &DynamicObject) -> impl Iterator<Item = &ManagedFieldsEntry> {
    object.metadata.managed_fields.iter().flatten()
}

fn is_ours(entry: &&ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(MANAGER)
}

#[tokio::test]
async fn a_child_has_one_manager_and_the_spec_of_a_registry_is_never_written() -> Result<()> {
    beside_a_registry("fields", "{}", async |_, team| {
        for child in team.child_objects().await? {
            let written: Vec<_> = entries(&child).filter(|entry| entry.subresource.is_none()).collect();
            let [entry] = written[..] else { anyhow::bail!("{}: {written:?}", child.name_any()) };
            ensure!(is_ours(&entry) && entry.operation.as_deref() == Some("Apply"), "{}: {entry:?}", child.name_any());
        }

        let team = team.object().await?;
        ensure!(team.metadata.generation == Some(1), "the spec has changed: {:?}", team.metadata.generation);
        let written: Vec<_> = entries(&team).filter(is_ours).collect();
        let of_the_status = |entry: &&ManagedFieldsEntry| entry.subresource.as_deref() == Some("status");
        ensure!(!written.is_empty() && written.iter().all(of_the_status), "{written:?}");
        Ok(())
    })
    .await
}

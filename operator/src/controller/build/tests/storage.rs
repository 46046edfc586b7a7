//! The claim and the volume.

use serde_json::json;

use super::{built, json_of, labels, metadata};

#[test]
fn the_claim_is_kept_unless_it_is_to_be_deleted() {
    let spec =
        "{storage: {persistentVolumeClaim: {size: 3Gi, storageClassName: slate, accessModes: [ReadWriteOncePod]}}}";
    let (_, children) = built(spec);
    assert_eq!(
        json_of(&children.claim.unwrap()),
        json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": "larder",
                "namespace": "kitchen",
                "labels": labels("storage"),
                "annotations": {
                    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
                    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
                },
            },
            "spec": {
                "accessModes": ["ReadWriteOncePod"],
                "resources": {"requests": {"storage": "3Gi"}},
                "storageClassName": "slate",
            },
        })
    );
    let (_, deleted) = built("{storage: {deletionPolicy: Delete}}");
    assert_eq!(json_of(&deleted.claim.unwrap())["metadata"], metadata("larder", "storage"));
}

#[test]
fn blobs_are_kept_where_the_spec_says() {
    let volume = |spec| {
        let (_, children) = built(spec);
        let volume =
            json_of(&children.deployment)["spec"]["template"]["spec"]["volumes"].as_array().unwrap().last().cloned();
        (children.claim.is_some(), volume.unwrap())
    };
    assert_eq!(
        volume("{storage: {persistentVolumeClaim: {existingClaim: attic}}}"),
        (false, json!({"name": "data", "persistentVolumeClaim": {"claimName": "attic"}}))
    );
    assert_eq!(
        volume("{storage: {emptyDir: {sizeLimit: 2Gi}}}"),
        (false, json!({"name": "data", "emptyDir": {"sizeLimit": "2Gi"}}))
    );
}

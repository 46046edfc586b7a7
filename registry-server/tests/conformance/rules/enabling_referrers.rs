//! Referrers that clients have listed themselves while the registry did not ("Referrers Tag Schema").

use registry_server::oci::Algorithm;
use serde_json::json;

use crate::{
    content::{ARTIFACT, Document, OCI_IMAGE, OCI_INDEX, index},
    rule::section,
    target::Target,
};

section! {
    "Enabling the Referrers API";
    V1_1:
        what_is_listed_under_the_fallback_tag_is_listed,
        both_lists_are_one
}

async fn what_is_listed_under_the_fallback_tag_is_listed(server: &Target) {
    let repository = server.repository();
    let (image, old) = (repository.push_image("v1").await, repository.push_image("old").await);
    let mut entry = old.descriptor(Algorithm::Sha256);
    entry["artifactType"] = json!(ARTIFACT);
    let tag = image.sha256().to_string().replace(':', "-");
    repository.put(&tag, &Document::of(OCI_INDEX, &index(&[entry]))).await.expect(201);
    let path = repository.referrers(image.sha256());
    assert_eq!(repository.listed_referrers(&path).await, [old.sha256().to_string()]);
    let filtered = format!("{path}?artifactType={ARTIFACT}");
    assert_eq!(repository.listed_referrers(&filtered).await, [old.sha256().to_string()]);
}

async fn both_lists_are_one(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    let value = repository.artifact(ARTIFACT, &image.descriptor(Algorithm::Sha256)).await;
    let artifact = Document::of(OCI_IMAGE, &value);
    repository.push(&artifact).await;
    let tag = image.sha256().to_string().replace(':', "-");
    let listed = index(&[artifact.descriptor(Algorithm::Sha256)]);
    repository.put(&tag, &Document::of(OCI_INDEX, &listed)).await.expect(201);
    let path = repository.referrers(image.sha256());
    assert_eq!(repository.listed_referrers(&path).await, [artifact.sha256().to_string()]);
}

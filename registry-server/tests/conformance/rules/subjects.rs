//! `PUT` of a manifest that refers to another.

use registry_server::oci::Algorithm;
use serde_json::json;

use crate::{
    content::{ARTIFACT, Document, OCI_IMAGE, OCI_INDEX, index, missing_subject},
    rule::section,
    target::Target,
};

section! {
    "Pushing Manifests with Subject";
    V1_1:
        the_subject_is_told_to_have_been_seen,
        an_index_may_have_a_subject,
        a_subject_need_not_exist,
        a_subject_may_have_any_algorithm,
        a_manifest_without_a_subject_has_no_such_header
}

const HEADER: &str = "oci-subject";

async fn the_subject_is_told_to_have_been_seen(server: &Target) {
    let repository = server.repository();
    let subject = repository.push_image("v1").await;
    let value = repository.artifact(ARTIFACT, &subject.descriptor(Algorithm::Sha256)).await;
    let artifact = Document::of(OCI_IMAGE, &value);
    for reference in ["signature".to_owned(), artifact.sha256().to_string()] {
        let reply = repository.put(&reference, &artifact).await.expect(201);
        reply.expect_header(HEADER, &subject.sha256().to_string());
        repository.expect_manifest(&reference, &artifact).await;
    }
}

async fn an_index_may_have_a_subject(server: &Target) {
    let repository = server.repository();
    let subject = repository.push_image("v1").await;
    let mut value = index(&[]);
    value["subject"] = subject.descriptor(Algorithm::Sha256);
    let reply = repository.put("signature", &Document::of(OCI_INDEX, &value)).await.expect(201);
    reply.expect_header(HEADER, &subject.sha256().to_string());
}

async fn a_subject_need_not_exist(server: &Target) {
    let repository = server.repository();
    let subject = missing_subject();
    let value = repository.artifact(ARTIFACT, &subject).await;
    let reply = repository.put("signature", &Document::of(OCI_IMAGE, &value)).await.expect(201);
    reply.expect_header(HEADER, subject["digest"].as_str().unwrap());
}

async fn a_subject_may_have_any_algorithm(server: &Target) {
    let repository = server.repository();
    let subject = Document::of(OCI_IMAGE, &repository.image_value(Algorithm::Sha512).await);
    repository.put(subject.digest(Algorithm::Sha512), &subject).await.expect(201);
    let value = repository.artifact(ARTIFACT, &subject.descriptor(Algorithm::Sha512)).await;
    let reply = repository.put("signature", &Document::of(OCI_IMAGE, &value)).await.expect(201);
    reply.expect_header(HEADER, &subject.digest(Algorithm::Sha512).to_string());
}

async fn a_manifest_without_a_subject_has_no_such_header(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    value["annotations"] = json!({ "subject": "no" });
    let reply = repository.put("v1", &Document::of(OCI_IMAGE, &value)).await.expect(201);
    assert_eq!(reply.header(HEADER), None);
}

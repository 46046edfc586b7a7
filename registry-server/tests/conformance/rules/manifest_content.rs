//! Kinds of manifests and indexes that a registry takes and serves unchanged (image-spec).

use registry_server::oci::Algorithm;
use serde_json::{Value, json};

use crate::{
    content::{ARTIFACT, Blob, Document, OCI_CONFIG, OCI_EMPTY, OCI_IMAGE, OCI_INDEX, OCI_LAYER, index, random},
    repository::Repository,
    rule::section,
    target::Target,
};

section! {
    "Pushing Manifests: kinds of content";
    V1_1:
        an_image,
        an_image_with_compressed_layers,
        an_image_without_layers,
        an_image_whose_layers_may_not_be_distributed,
        an_image_with_content_in_its_descriptors,
        an_image_with_unknown_fields,
        an_image_without_a_media_type,
        an_artifact,
        an_artifact_without_layers,
        an_artifact_known_by_its_configuration,
        an_index,
        an_index_without_manifests,
        an_index_of_indexes,
        an_index_of_artifacts,
        an_index_with_unknown_fields,
        an_index_without_a_media_type
}

/// Pushes the document by digest and by tag, and pulls it both ways.
async fn round_trip(repository: &Repository<'_>, document: &Document) {
    repository.put(document.sha256(), document).await.expect(201).expect_digest(&document.sha256());
    repository.put("v1", document).await.expect(201);
    repository.expect_manifest(document.sha256(), document).await.expect_digest(&document.sha256());
    repository.expect_manifest("v1", document).await.expect_digest(&document.sha256());
}

async fn image_round_trip(repository: &Repository<'_>, value: &Value) {
    round_trip(repository, &Document::of(OCI_IMAGE, value)).await;
}

async fn index_round_trip(repository: &Repository<'_>, value: &Value) {
    round_trip(repository, &Document::of(OCI_INDEX, value)).await;
}

/// What an index says of a new image that is there, for a platform.
async fn child(repository: &Repository<'_>, architecture: &str) -> Value {
    let image = repository.image().await;
    repository.push(&image).await;
    let mut descriptor = image.descriptor(Algorithm::Sha256);
    descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
    descriptor
}

async fn an_image(server: &Target) {
    let repository = server.repository();
    image_round_trip(&repository, &repository.image_value(Algorithm::Sha256).await).await;
}

async fn an_image_with_compressed_layers(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    let mut layers = Vec::new();
    for compression in ["gzip", "zstd", "something-new"] {
        let layer = repository.push_random(Algorithm::Sha256, 64).await;
        layers.push(layer.descriptor(&format!("{OCI_LAYER}+{compression}")));
    }
    value["layers"] = json!(layers);
    image_round_trip(&repository, &value).await;
}

async fn an_image_without_layers(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    value["layers"] = json!([]);
    image_round_trip(&repository, &value).await;
}

async fn an_image_whose_layers_may_not_be_distributed(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    for kind in ["nondistributable.v1.tar", "nondistributable.v1.tar+gzip"] {
        let elsewhere = Blob::of(Algorithm::Sha256, random(8));
        let mut layer = elsewhere.descriptor(&format!("application/vnd.oci.image.layer.{kind}"));
        layer["urls"] = json!([format!("https://store.example.com/blobs/{}", elsewhere.digest)]);
        value["layers"].as_array_mut().unwrap().insert(0, layer);
    }
    image_round_trip(&repository, &value).await;
}

async fn an_image_with_content_in_its_descriptors(server: &Target) {
    let repository = server.repository();
    let config = Blob::of(Algorithm::Sha256, "{}");
    repository.push_blob(&config).await;
    let mut value = repository.image_value(Algorithm::Sha256).await;
    value["config"] = config.descriptor(OCI_CONFIG);
    value["config"]["data"] = json!("e30=");
    image_round_trip(&repository, &value).await;
}

async fn an_image_with_unknown_fields(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    value["org.example.extra"] = json!({ "deep": [1, null, "text"] });
    value["config"]["org.example.extra"] = json!("text");
    value["layers"][0]["org.example.extra"] = json!(2.5);
    image_round_trip(&repository, &value).await;
}

async fn an_image_without_a_media_type(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    value.as_object_mut().unwrap().remove("mediaType");
    image_round_trip(&repository, &value).await;
}

/// An artifact without a subject.
async fn artifact(repository: &Repository<'_>) -> Value {
    let mut value = repository.artifact(ARTIFACT, &Value::Null).await;
    value.as_object_mut().unwrap().remove("subject");
    value
}

async fn an_artifact(server: &Target) {
    let repository = server.repository();
    image_round_trip(&repository, &artifact(&repository).await).await;
}

async fn an_artifact_without_layers(server: &Target) {
    let repository = server.repository();
    let mut value = artifact(&repository).await;
    value["layers"] = json!([Blob::of(Algorithm::Sha256, "{}").descriptor(OCI_EMPTY)]);
    image_round_trip(&repository, &value).await;
}

async fn an_artifact_known_by_its_configuration(server: &Target) {
    let repository = server.repository();
    let mut value = artifact(&repository).await;
    value.as_object_mut().unwrap().remove("artifactType");
    value["config"]["mediaType"] = json!(ARTIFACT);
    image_round_trip(&repository, &value).await;
}

async fn an_index(server: &Target) {
    let repository = server.repository();
    let children = [child(&repository, "amd64").await, child(&repository, "arm64").await];
    index_round_trip(&repository, &index(&children)).await;
}

async fn an_index_without_manifests(server: &Target) {
    index_round_trip(&server.repository(), &index(&[])).await;
}

async fn an_index_of_indexes(server: &Target) {
    let repository = server.repository();
    let mut inner = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let document = Document::of(OCI_INDEX, &index(&[child(&repository, architecture).await]));
        repository.push(&document).await;
        inner.push(document.descriptor(Algorithm::Sha256));
    }
    index_round_trip(&repository, &index(&inner)).await;
}

async fn an_index_of_artifacts(server: &Target) {
    let repository = server.repository();
    let document = Document::of(OCI_IMAGE, &artifact(&repository).await);
    repository.push(&document).await;
    let mut value = index(&[document.descriptor(Algorithm::Sha256)]);
    value["artifactType"] = json!(ARTIFACT);
    index_round_trip(&repository, &value).await;
}

async fn an_index_with_unknown_fields(server: &Target) {
    let repository = server.repository();
    let mut value = index(&[child(&repository, "amd64").await]);
    value["org.example.extra"] = json!({ "deep": [1, null, "text"] });
    value["manifests"][0]["org.example.extra"] = json!("text");
    index_round_trip(&repository, &value).await;
}

async fn an_index_without_a_media_type(server: &Target) {
    let repository = server.repository();
    let mut value = index(&[child(&repository, "amd64").await]);
    value.as_object_mut().unwrap().remove("mediaType");
    index_round_trip(&repository, &value).await;
}

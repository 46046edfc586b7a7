//! `GET` of what refers to a manifest (end-12a, end-12b).

use futures::{StreamExt, stream};
use registry_server::oci::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::{
    content::{ARTIFACT, Blob, Document, OCI_CONFIG, OCI_IMAGE, OCI_INDEX, OTHER_ARTIFACT, index, missing_subject},
    repository::Repository,
    rule::section,
    target::Target,
};

section! {
    "Listing Referrers";
    V1_1:
        an_empty_repository_has_an_empty_index,
        an_unknown_digest_has_an_empty_index,
        a_malformed_digest_is_400,
        an_artifact_is_described,
        an_image_is_known_by_its_configuration,
        an_index_is_described,
        annotations_are_copied,
        a_subject_that_does_not_exist_is_referred_to,
        a_subject_that_was_deleted_is_referred_to,
        a_subject_may_have_any_algorithm,
        referrers_are_those_of_one_repository,
        a_deleted_referrer_is_not_listed,
        referrers_are_filtered_by_artifact_type,
        a_filter_that_nothing_passes_gives_an_empty_index,
        an_encoded_filter_is_decoded,
        links_lead_through_the_whole_list
}

fn subject_digest(subject: &Value) -> &str {
    subject["digest"].as_str().unwrap()
}

/// Pushes a manifest and checks how it is described among those that refer to `subject`.
async fn expect_described(repository: &Repository<'_>, subject: &Value, document: &Document, described: &Value) {
    repository.push(document).await;
    let reply = repository.server.get(&repository.referrers(subject_digest(subject))).await.expect(200);
    let mut descriptor = document.descriptor(Algorithm::Sha256);
    for (name, value) in described.as_object().unwrap() {
        descriptor[name] = value.clone();
    }
    assert_eq!(reply.json()["manifests"], json!([descriptor]), "{reply}");
}

/// Pushes an artifact of a kind that refers to `subject`.
async fn attach(repository: &Repository<'_>, subject: &Value, kind: &str) -> Digest {
    let artifact = Document::of(OCI_IMAGE, &repository.artifact(kind, subject).await);
    repository.push(&artifact).await
}

async fn expect_empty_index(server: &Target, path: &str) {
    let reply = server.get(path).await.expect(200).expect_header("content-type", OCI_INDEX);
    assert_eq!(reply.json(), json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] }));
}

async fn an_empty_repository_has_an_empty_index(server: &Target) {
    for algorithm in Algorithm::ALL {
        let path = server.repository().referrers(Blob::random(algorithm, 8).digest);
        expect_empty_index(server, &path).await;
    }
}

async fn an_unknown_digest_has_an_empty_index(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    expect_empty_index(server, &repository.referrers(image.sha256())).await;
    expect_empty_index(server, &repository.referrers(Blob::random(Algorithm::Sha256, 8).digest)).await;
}

async fn a_malformed_digest_is_400(server: &Target) {
    let repository = server.repository();
    for digest in ["sha256:baddigeststring", "latest", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        server.get(&repository.referrers(digest)).await.expect_error(400, "DIGEST_INVALID");
    }
}

async fn an_artifact_is_described(server: &Target) {
    let repository = server.repository();
    let subject = repository.push_image("v1").await.descriptor(Algorithm::Sha256);
    let artifact = Document::of(OCI_IMAGE, &repository.artifact(ARTIFACT, &subject).await);
    expect_described(&repository, &subject, &artifact, &json!({ "artifactType": ARTIFACT })).await;
}

async fn an_image_is_known_by_its_configuration(server: &Target) {
    let repository = server.repository();
    let subject = repository.push_image("v1").await.descriptor(Algorithm::Sha256);
    let mut value = repository.image_value(Algorithm::Sha256).await;
    value["subject"] = subject.clone();
    let image = Document::of(OCI_IMAGE, &value);
    expect_described(&repository, &subject, &image, &json!({ "artifactType": OCI_CONFIG })).await;
}

async fn an_index_is_described(server: &Target) {
    let repository = server.repository();
    for (stated, described) in [(None, json!({})), (Some(ARTIFACT), json!({ "artifactType": ARTIFACT }))] {
        let subject = repository.push_image("v1").await.descriptor(Algorithm::Sha256);
        let mut value = index(&[]);
        value["subject"] = subject.clone();
        if let Some(kind) = stated {
            value["artifactType"] = json!(kind);
        }
        expect_described(&repository, &subject, &Document::of(OCI_INDEX, &value), &described).await;
    }
}

async fn annotations_are_copied(server: &Target) {
    let repository = server.repository();
    for stated in [json!({ "org.example.a": "1", "org.example.b": "é \" \\" }), json!({ "only": "" })] {
        let subject = repository.push_image("v1").await.descriptor(Algorithm::Sha256);
        let mut value = repository.artifact(ARTIFACT, &subject).await;
        value["annotations"] = stated.clone();
        let described = json!({ "artifactType": ARTIFACT, "annotations": stated });
        expect_described(&repository, &subject, &Document::of(OCI_IMAGE, &value), &described).await;
    }
}

async fn a_subject_that_does_not_exist_is_referred_to(server: &Target) {
    let repository = server.repository();
    let subject = missing_subject();
    let artifact = attach(&repository, &subject, ARTIFACT).await;
    let path = repository.referrers(subject_digest(&subject));
    assert_eq!(repository.listed_referrers(&path).await, [artifact.to_string()]);
}

async fn a_subject_that_was_deleted_is_referred_to(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    let artifact = attach(&repository, &image.descriptor(Algorithm::Sha256), ARTIFACT).await;
    server.delete(&repository.manifest(image.sha256())).await.expect(202);
    let path = repository.referrers(image.sha256());
    assert_eq!(repository.listed_referrers(&path).await, [artifact.to_string()]);
}

async fn a_subject_may_have_any_algorithm(server: &Target) {
    let repository = server.repository();
    let image = Document::of(OCI_IMAGE, &repository.image_value(Algorithm::Sha512).await);
    repository.put(image.digest(Algorithm::Sha512), &image).await.expect(201);
    let artifact = attach(&repository, &image.descriptor(Algorithm::Sha512), ARTIFACT).await;
    let path = repository.referrers(image.digest(Algorithm::Sha512));
    assert_eq!(repository.listed_referrers(&path).await, [artifact.to_string()]);
    expect_empty_index(server, &repository.referrers(image.sha256())).await;
}

async fn referrers_are_those_of_one_repository(server: &Target) {
    let subject = missing_subject();
    attach(&server.repository(), &subject, ARTIFACT).await;
    expect_empty_index(server, &server.repository().referrers(subject_digest(&subject))).await;
}

async fn a_deleted_referrer_is_not_listed(server: &Target) {
    let repository = server.repository();
    let subject = missing_subject();
    let doomed = attach(&repository, &subject, ARTIFACT).await;
    let kept = attach(&repository, &subject, ARTIFACT).await;
    server.delete(&repository.manifest(doomed)).await.expect(202);
    let path = repository.referrers(subject_digest(&subject));
    assert_eq!(repository.listed_referrers(&path).await, [kept.to_string()]);
}

async fn referrers_are_filtered_by_artifact_type(server: &Target) {
    let repository = server.repository();
    let subject = missing_subject();
    let wanted = attach(&repository, &subject, OTHER_ARTIFACT).await;
    attach(&repository, &subject, ARTIFACT).await;
    let path = format!("{}?artifactType={OTHER_ARTIFACT}", repository.referrers(subject_digest(&subject)));
    server.get(&path).await.expect(200).expect_header("oci-filters-applied", "artifactType");
    assert_eq!(repository.listed_referrers(&path).await, [wanted.to_string()]);
    let unfiltered = server.get(&repository.referrers(subject_digest(&subject))).await.expect(200);
    assert_eq!(unfiltered.header("oci-filters-applied"), None);
}

async fn a_filter_that_nothing_passes_gives_an_empty_index(server: &Target) {
    let repository = server.repository();
    let subject = missing_subject();
    attach(&repository, &subject, ARTIFACT).await;
    let path = format!("{}?artifactType=application/other", repository.referrers(subject_digest(&subject)));
    expect_empty_index(server, &path).await;
    server.get(&path).await.expect(200).expect_header("oci-filters-applied", "artifactType");
}

async fn an_encoded_filter_is_decoded(server: &Target) {
    let repository = server.repository();
    let subject = missing_subject();
    let wanted = attach(&repository, &subject, ARTIFACT).await;
    let encoded = ARTIFACT.replace('/', "%2F").replace('+', "%2B");
    let path = format!("{}?artifactType={encoded}", repository.referrers(subject_digest(&subject)));
    assert_eq!(repository.listed_referrers(&path).await, [wanted.to_string()]);
}

async fn links_lead_through_the_whole_list(server: &Target) {
    // More than fit on a page of any registry that is known to page.
    const COUNT: usize = 510;
    let repository = server.repository();
    let subject = missing_subject();
    let template = repository.artifact(ARTIFACT, &subject).await;
    let mut pushed: Vec<String> = stream::iter(0..COUNT)
        .map(async |number| {
            let mut value = template.clone();
            value["annotations"] = json!({ "number": number.to_string() });
            repository.push(&Document::of(OCI_IMAGE, &value)).await.to_string()
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let (mut listed, mut next) = (Vec::new(), Some(repository.referrers(subject_digest(&subject))));
    while let Some(path) = next {
        listed.extend(repository.listed_referrers(&path).await);
        next = server.get(&path).await.next();
    }
    pushed.sort();
    listed.sort();
    assert_eq!(listed, pushed);
}

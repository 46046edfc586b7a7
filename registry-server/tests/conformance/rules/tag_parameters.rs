//! `PUT` of a manifest by digest with `tag` parameters (end-7b).

use registry_server::oci::Algorithm;

use crate::{
    content::{Document, OCI_IMAGE},
    reply::Reply,
    repository::Repository,
    rule::section,
    target::Target,
};

section! {
    "Pushing Manifests: tag parameters";
    Main:
        a_push_by_digest_sets_tags_and_names_them,
        ten_tags_are_set_at_once,
        a_tag_may_stand_for_a_digest_of_any_algorithm,
        a_tag_that_is_set_moves,
        too_many_tags_are_414_and_none_is_set,
        a_malformed_tag_is_400_and_none_is_set
}

/// The digest with a parameter for each tag.
fn tagged(digest: impl std::fmt::Display, tags: &[String]) -> String {
    let tags: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
    format!("{digest}?{}", tags.join("&"))
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("tag-{number:03}")).collect()
}

/// The tags that a reply names, a header each or separated by commas.
fn named(reply: &Reply) -> Vec<String> {
    let values = reply.headers.get_all("oci-tag").iter().map(|value| value.to_str().unwrap());
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect()
}

async fn set(repository: &Repository<'_>, algorithm: Algorithm, tags: &[String]) {
    let image = Document::of(OCI_IMAGE, &repository.image_value(algorithm).await);
    let digest = image.digest(algorithm);
    let reply = repository.put(tagged(digest, tags), &image).await.expect(201).expect_digest(&digest);
    assert_eq!(named(&reply), tags, "{reply}");
    for tag in tags {
        repository.expect_manifest(tag, &image).await.expect_digest(&digest);
    }
    assert_eq!(repository.listed_tags().await, tags);
}

async fn a_push_by_digest_sets_tags_and_names_them(server: &Target) {
    set(&server.repository(), Algorithm::Sha256, &["1.2".to_owned(), "latest".to_owned()]).await;
}

async fn ten_tags_are_set_at_once(server: &Target) {
    set(&server.repository(), Algorithm::Sha256, &numbered(10)).await;
}

async fn a_tag_may_stand_for_a_digest_of_any_algorithm(server: &Target) {
    set(&server.repository(), Algorithm::Sha512, &["1.2".to_owned(), "latest".to_owned()]).await;
}

async fn a_tag_that_is_set_moves(server: &Target) {
    let repository = server.repository();
    let tags = numbered(2);
    set(&repository, Algorithm::Sha512, &tags).await;
    set(&repository, Algorithm::Sha256, &tags).await;
}

async fn too_many_tags_are_414_and_none_is_set(server: &Target) {
    let repository = server.repository();
    repository.push_image("kept").await;
    let image = repository.image().await;
    repository.put(tagged(image.sha256(), &numbered(300)), &image).await.expect(414);
    assert_eq!(repository.listed_tags().await, ["kept"]);
}

async fn a_malformed_tag_is_400_and_none_is_set(server: &Target) {
    let repository = server.repository();
    repository.push_image("kept").await;
    let image = repository.image().await;
    for malformed in ["", ".hidden", "a%2Fb", "sha256:bad"] {
        let tags = ["good".to_owned(), malformed.to_owned()];
        repository.put(tagged(image.sha256(), &tags), &image).await.expect(400);
    }
    assert_eq!(repository.listed_tags().await, ["kept"]);
}

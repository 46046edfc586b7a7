//! `DELETE` of a tag (end-9).

use crate::{rule::section, target::Target};

section! {
    "Deleting tags";
    V1_1:
        a_deleted_tag_is_gone_at_once,
        a_deleted_tag_leaves_the_manifest_and_other_tags,
        a_deleted_tag_is_not_listed,
        a_deleted_tag_can_be_pushed_again,
        a_tag_that_does_not_exist_is_404
}

async fn a_deleted_tag_is_gone_at_once(server: &Target) {
    let repository = server.repository();
    repository.push_image("v1").await;
    server.get(&repository.manifest("v1")).await.expect(200);
    server.delete(&repository.manifest("v1")).await.expect(202);
    server.head(&repository.manifest("v1")).await.expect(404);
    server.get(&repository.manifest("v1")).await.expect_error(404, "MANIFEST_UNKNOWN");
}

async fn a_deleted_tag_leaves_the_manifest_and_other_tags(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    repository.put("v2", &image).await.expect(201);
    server.delete(&repository.manifest("v1")).await.expect(202);
    repository.expect_manifest("v2", &image).await;
    repository.expect_manifest(image.sha256(), &image).await;
}

async fn a_deleted_tag_is_not_listed(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    repository.put("v2", &image).await.expect(201);
    server.delete(&repository.manifest("v1")).await.expect(202);
    assert_eq!(repository.listed_tags().await, ["v2"]);
}

async fn a_deleted_tag_can_be_pushed_again(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    server.delete(&repository.manifest("v1")).await.expect(202);
    repository.put("v1", &image).await.expect(201);
    repository.expect_manifest("v1", &image).await;
}

async fn a_tag_that_does_not_exist_is_404(server: &Target) {
    let repository = server.repository();
    repository.push_image("v1").await;
    server.delete(&repository.manifest("v2")).await.expect_error(404, "MANIFEST_UNKNOWN");
    server.delete(&server.repository().manifest("v1")).await.expect(404);
}

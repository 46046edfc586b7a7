//! `GET /v2/` (end-1), and names.

use crate::{content::random, rule::section, target::Target};

section! {
    "Determining Support";
    V1_1:
        the_version_check_is_answered_with_200,
        the_version_check_may_be_a_head_request,
        a_repository_may_have_any_name_of_the_grammar,
        names_outside_of_the_grammar_are_refused
}

async fn the_version_check_is_answered_with_200(server: &Target) {
    server.get("/v2/").await.expect(200);
}

async fn the_version_check_may_be_a_head_request(server: &Target) {
    server.head("/v2/").await.expect(200);
}

async fn a_repository_may_have_any_name_of_the_grammar(server: &Target) {
    for suffix in ["0", "a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c/d/e", "blobs/uploads", "manifests/tags/list"] {
        let mut repository = server.repository();
        repository.name = format!("{}/{suffix}", repository.name);
        let image = repository.push_image("v1").await;
        repository.expect_manifest("v1", &image).await;
    }
}

async fn names_outside_of_the_grammar_are_refused(server: &Target) {
    for name in [
        "Conformance/a",
        "conformance/a..b",
        "conformance/a___b",
        "conformance/-a",
        "conformance/a-",
        "conformance/a%20b",
    ] {
        server.get(&format!("/v2/{name}/tags/list")).await.expect_any(&[400, 404]);
        server.post(&format!("/v2/{name}/blobs/uploads/"), random(8)).await.expect_any(&[400, 404]);
    }
}

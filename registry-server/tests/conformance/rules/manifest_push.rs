//! `PUT` of manifests (end-7a): what is taken and what is refused.

use registry_server::oci::Algorithm;
use serde_json::json;

use crate::{
    content::{Blob, Document, OCI_IMAGE, OCI_INDEX, OCI_LAYER, index, random},
    rule::section,
    target::{Payload, Target},
};

section! {
    "Pushing Manifests";
    V1_1:
        a_manifest_is_there_where_the_put_says,
        a_manifest_is_pushed_by_its_digest,
        a_manifest_is_pushed_by_a_digest_of_any_algorithm,
        the_digest_is_told,
        the_length_need_not_be_known,
        every_byte_is_kept,
        a_tag_moves_and_what_it_left_stays,
        a_manifest_may_be_pushed_again,
        a_manifest_of_almost_four_megabytes_is_taken,
        a_manifest_that_is_too_large_is_413,
        another_digest_than_its_own_is_400,
        whitespace_behind_a_manifest_makes_it_another,
        a_malformed_digest_is_400,
        a_layer_that_was_never_pushed_is_named,
        a_child_that_was_never_pushed_is_named,
        what_is_no_manifest_is_400,
        a_content_type_that_contradicts_the_manifest_is_400
}

async fn a_manifest_is_there_where_the_put_says(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    let location = repository.put("v1", &image).await.expect(201).location();
    let reply = server.get(&location).await.expect(200);
    reply.expect_header("content-type", OCI_IMAGE).expect_body(&image.content);
}

async fn a_manifest_is_pushed_by_its_digest(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    let location = repository.put(image.sha256(), &image).await.expect(201).location();
    server.get(&location).await.expect(200).expect_body(&image.content);
    server.get(&repository.manifest("latest")).await.expect(404);
}

async fn a_manifest_is_pushed_by_a_digest_of_any_algorithm(server: &Target) {
    let repository = server.repository();
    let image = Document::of(OCI_IMAGE, &repository.image_value(Algorithm::Sha512).await);
    let digest = image.digest(Algorithm::Sha512);
    repository.put(digest, &image).await.expect(201).expect_digest(&digest);
    let all = Document::of(OCI_INDEX, &index(&[image.descriptor(Algorithm::Sha512)]));
    let digest = all.digest(Algorithm::Sha512);
    repository.put(digest, &all).await.expect(201).expect_digest(&digest);
    repository.expect_manifest(digest, &all).await;
}

async fn the_digest_is_told(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    repository.put("v1", &image).await.expect(201).expect_digest(&image.sha256());
    repository.put(image.sha256(), &image).await.expect(201).expect_digest(&image.sha256());
}

async fn the_length_need_not_be_known(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    let body = Payload::Streamed(vec![image.content.slice(..100), image.content.slice(100..)]);
    server.send("PUT", &repository.manifest("v1"), &[("content-type", OCI_IMAGE)], body).await.expect(201);
    repository.expect_manifest("v1", &image).await;
    let padding = bytes::Bytes::from_static(&[b' '; 1 << 20]);
    let body = Payload::Streamed([vec![image.content.clone()], vec![padding; 5]].concat());
    server.send("PUT", &repository.manifest("v2"), &[("content-type", OCI_IMAGE)], body).await.expect(413);
    server.get(&repository.manifest("v2")).await.expect(404);
}

async fn every_byte_is_kept(server: &Target) {
    let repository = server.repository();
    let compact = repository.image_value(Algorithm::Sha256).await.to_string();
    let open = compact.strip_suffix('}').unwrap();
    let odd = Document::new(OCI_IMAGE, format!("\n {open} ,\"x-order\":[3,1.50,\"\\u0041\"] }}\t\r\n"));
    repository.put("v1", &odd).await.expect(201).expect_digest(&odd.sha256());
    repository.expect_manifest("v1", &odd).await.expect_digest(&odd.sha256());
}

async fn a_tag_moves_and_what_it_left_stays(server: &Target) {
    let repository = server.repository();
    let (first, second) = (repository.push_image("v1").await, repository.push_image("v1").await);
    repository.expect_manifest("v1", &second).await;
    repository.expect_manifest(first.sha256(), &first).await;
}

async fn a_manifest_may_be_pushed_again(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    repository.put("v1", &image).await.expect(201);
    repository.put("v2", &image).await.expect(201);
    repository.expect_manifest("v2", &image).await;
}

async fn a_manifest_of_almost_four_megabytes_is_taken(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    let annotations = (0..390).map(|number| (format!("annotation-{number}"), json!("A".repeat(10_000))));
    value["annotations"] = annotations.collect();
    let image = Document::of(OCI_IMAGE, &value);
    assert!(image.content.len() > 3_900_000);
    repository.put("v1", &image).await.expect(201);
    repository.expect_manifest("v1", &image).await;
    server.head(&repository.manifest("v1")).await.expect(200);
}

async fn a_manifest_that_is_too_large_is_413(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    value["annotations"] = json!({ "padding": "A".repeat((4 << 20) + 1) });
    repository.put("v1", &Document::of(OCI_IMAGE, &value)).await.expect(413);
    server.get(&repository.manifest("v1")).await.expect(404);
}

async fn another_digest_than_its_own_is_400(server: &Target) {
    let repository = server.repository();
    let (image, other) = (repository.image().await, repository.image().await);
    for algorithm in Algorithm::ALL {
        repository.put(other.digest(algorithm), &image).await.expect_error(400, "DIGEST_INVALID");
        server.get(&repository.manifest(other.digest(algorithm))).await.expect(404);
    }
    server.get(&repository.manifest(image.sha256())).await.expect(404);
}

async fn whitespace_behind_a_manifest_makes_it_another(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    let padded = Document::new(OCI_IMAGE, [&image.content[..], b"  "].concat());
    repository.put(image.sha256(), &padded).await.expect_error(400, "DIGEST_INVALID");
    server.get(&repository.manifest(image.sha256())).await.expect(404);
}

async fn a_malformed_digest_is_400(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    repository.put("sha256:baddigeststring", &image).await.expect_error(400, "DIGEST_INVALID");
}

async fn a_layer_that_was_never_pushed_is_named(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    let absent = Blob::random(Algorithm::Sha256, 8);
    value["layers"] = json!([absent.descriptor(OCI_LAYER)]);
    let reply = repository.put("v1", &Document::of(OCI_IMAGE, &value)).await;
    let reply = reply.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
    assert!(reply.json().to_string().contains(&absent.digest.to_string()), "{reply}");
}

async fn a_child_that_was_never_pushed_is_named(server: &Target) {
    let repository = server.repository();
    let (image, absent) = (repository.push_image("v1").await, repository.image().await);
    let sparse = index(&[image.descriptor(Algorithm::Sha256), absent.descriptor(Algorithm::Sha256)]);
    let reply = repository.put("v2", &Document::of(OCI_INDEX, &sparse)).await;
    let reply = reply.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
    assert!(reply.json().to_string().contains(&absent.sha256().to_string()), "{reply}");
}

async fn what_is_no_manifest_is_400(server: &Target) {
    let repository = server.repository();
    for content in [&b"not JSON"[..], b"", b"[]", b"{}", b"{\"schemaVersion\":1}", &random(100)] {
        let document = Document::new(OCI_IMAGE, content.to_vec());
        repository.put("v1", &document).await.expect_error(400, "MANIFEST_INVALID");
    }
    server.get(&repository.manifest("v1")).await.expect(404);
}

async fn a_content_type_that_contradicts_the_manifest_is_400(server: &Target) {
    let repository = server.repository();
    let image = repository.image().await;
    for kind in [OCI_INDEX, "application/json", "text/plain"] {
        let document = Document::new(kind, image.content.clone());
        repository.put("v1", &document).await.expect_error(400, "MANIFEST_INVALID");
    }
}

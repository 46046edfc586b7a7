//! `POST` with `mount`, with and without `from` (end-11).

use registry_server::oci::{Algorithm, Digest};

use crate::{
    content::Blob,
    repository::{Repository, with_digest},
    rule::section,
    target::Target,
};

section! {
    "Mounting a blob from another repository";
    V1_1:
        a_blob_is_mounted_from_where_it_is,
        a_mounted_blob_is_there_where_the_reply_says,
        a_blob_that_is_nowhere_has_to_be_uploaded,
        a_source_without_the_blob_gives_a_session,
        a_blob_is_found_without_being_told_where,
        a_blob_that_is_nowhere_is_not_found,
        nothing_is_mounted_from_where_the_client_may_not_pull,
        a_blob_may_be_mounted_where_it_is_already,
        a_mounted_blob_outlives_its_source,
        a_deleted_mount_leaves_its_source
}

fn mount(to: &Repository<'_>, digest: &Digest, from: Option<&Repository<'_>>) -> String {
    let from = from.map(|from| format!("&from={}", from.name)).unwrap_or_default();
    format!("{}?mount={digest}{from}", to.uploads())
}

async fn a_blob_is_mounted_from_where_it_is(server: &Target) {
    for algorithm in Algorithm::ALL {
        let (source, target) = (server.repository(), server.repository());
        let blob = source.push_random(algorithm, 512).await;
        server.post(&mount(&target, &blob.digest, Some(&source)), "").await.expect(201).expect_digest(&blob.digest);
        server.head(&target.blob(blob.digest)).await.expect(200).expect_digest(&blob.digest);
    }
}

async fn a_mounted_blob_is_there_where_the_reply_says(server: &Target) {
    let (source, target) = (server.repository(), server.repository());
    let blob = source.push_random(Algorithm::Sha256, 512).await;
    let reply = server.post(&mount(&target, &blob.digest, Some(&source)), "").await.expect(201);
    assert!(reply.location().contains(&target.name), "{reply}");
    server.get(&reply.location()).await.expect(200).expect_body(&blob.content);
}

async fn a_blob_that_is_nowhere_has_to_be_uploaded(server: &Target) {
    for algorithm in Algorithm::ALL {
        let (source, target) = (server.repository(), server.repository());
        let blob = Blob::random(algorithm, 512);
        let location = server.post(&mount(&target, &blob.digest, Some(&source)), "").await.expect(202).location();
        server.put(&with_digest(&location, blob.digest), blob.content.clone()).await.expect(201);
        server.get(&target.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
    }
}

async fn a_source_without_the_blob_gives_a_session(server: &Target) {
    let (source, target) = (server.repository(), server.repository());
    source.push_random(Algorithm::Sha256, 8).await;
    let path = mount(&target, &Blob::random(Algorithm::Sha256, 8).digest, Some(&source));
    let location = server.post(&path, "").await.expect(202).location();
    server.get(&location).await.expect(204);
}

async fn a_blob_is_found_without_being_told_where(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = server.repository().push_random(algorithm, 512).await;
        let target = server.repository();
        let reply = server.post(&mount(&target, &blob.digest, None), "").await.expect(201);
        server.get(&reply.expect_digest(&blob.digest).location()).await.expect(200).expect_body(&blob.content);
    }
}

async fn a_blob_that_is_nowhere_is_not_found(server: &Target) {
    let path = mount(&server.repository(), &Blob::random(Algorithm::Sha256, 8).digest, None);
    let location = server.post(&path, "").await.expect(202).location();
    server.get(&location).await.expect(204);
}

async fn nothing_is_mounted_from_where_the_client_may_not_pull(server: &Target) {
    let hidden = server.hidden_repository();
    let blob = hidden.push_random(Algorithm::Sha256, 512).await;
    server.get(&hidden.blob(blob.digest)).await.expect_any(&[401, 403]);
    let target = server.repository();
    for from in [None, Some(&hidden)] {
        server.post(&mount(&target, &blob.digest, from), "").await.expect(202);
    }
    server.head(&target.blob(blob.digest)).await.expect(404);
}

async fn a_blob_may_be_mounted_where_it_is_already(server: &Target) {
    let (source, target) = (server.repository(), server.repository());
    let blob = source.push_random(Algorithm::Sha256, 512).await;
    target.push_blob(&blob).await;
    server.post(&mount(&target, &blob.digest, Some(&source)), "").await.expect(201);
}

async fn a_mounted_blob_outlives_its_source(server: &Target) {
    let (source, target) = (server.repository(), server.repository());
    let blob = source.push_random(Algorithm::Sha256, 512).await;
    server.post(&mount(&target, &blob.digest, Some(&source)), "").await.expect(201);
    server.delete(&source.blob(blob.digest)).await.expect(202);
    server.head(&source.blob(blob.digest)).await.expect(404);
    server.get(&target.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
}

async fn a_deleted_mount_leaves_its_source(server: &Target) {
    let (source, target) = (server.repository(), server.repository());
    let blob = source.push_random(Algorithm::Sha256, 512).await;
    server.post(&mount(&target, &blob.digest, Some(&source)), "").await.expect(201);
    server.delete(&target.blob(blob.digest)).await.expect(202);
    server.head(&target.blob(blob.digest)).await.expect(404);
    server.get(&source.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
}

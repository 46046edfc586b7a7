//! `Warning` headers. Their form is checked on every reply of every rule; here are the replies that should have none.

use registry_server::oci::Algorithm;

use crate::{content::Blob, repository::with_digest, rule::section, target::Target};

section! {
    "Warnings";
    V1_1:
        what_is_in_order_is_not_warned_about
}

async fn what_is_in_order_is_not_warned_about(server: &Target) {
    let repository = server.repository();
    let blob = Blob::random(Algorithm::Sha256, 8);
    let image = repository.image().await;
    let location = repository.begin().await;
    let replies = [
        server.get("/v2/").await.expect(200),
        server.put(&with_digest(&location, blob.digest), blob.content.clone()).await.expect(201),
        repository.put("v1", &image).await.expect(201),
        server.get(&repository.manifest("v1")).await.expect(200),
        server.get(&repository.blob(blob.digest)).await.expect(200),
        server.get(&repository.tags()).await.expect(200),
        server.get(&repository.referrers(image.sha256())).await.expect(200),
    ];
    for reply in replies {
        assert_eq!(reply.header("warning"), None, "{reply}");
    }
}

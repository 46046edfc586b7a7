//! The parameter `ns`, with which clients tell a proxy whose content they mean.

use registry_server::oci::Algorithm;

use crate::{rule::section, target::Target};

section! {
    "Registry Proxying";
    Main:
        a_registry_that_is_no_proxy_ignores_ns
}

async fn a_registry_that_is_no_proxy_ignores_ns(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    let blob = repository.push_random(Algorithm::Sha256, 64).await;
    for path in [
        repository.manifest("v1"),
        repository.manifest(image.sha256()),
        repository.blob(blob.digest),
        repository.tags(),
        repository.referrers(image.sha256()),
    ] {
        let plain = server.get(&path).await.expect(200);
        let reply = server.get(&format!("{path}?ns=registry.example.com")).await.expect(200);
        let reply = reply.expect_body(&plain.body);
        assert_eq!(reply.header("oci-namespace"), None, "it would claim to have asked there: {reply}");
        server.head(&format!("{path}?ns=registry.example.com")).await.expect(200);
    }
}

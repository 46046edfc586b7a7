//! `GET` of what a registry offers beyond the specification (extensions/_oci.md).

use crate::{reply::Reply, rule::section, target::Target};

section! {
    "Extensions: _oci/ext/discover";
    V1_1:
        the_registrys_extensions_are_listed,
        a_repositorys_extensions_are_listed
}

/// Each entry has a name, where it is documented, and its endpoints.
#[track_caller]
fn expect_extensions(reply: Reply) {
    let reply = reply.expect(200).expect_header("content-type", "application/json");
    let document = reply.json();
    let extensions = document["extensions"].as_array().unwrap();
    assert!(extensions.iter().any(|extension| extension["name"] == "_oci"), "{reply}");
    for extension in extensions {
        assert!(extension["name"].as_str().unwrap().starts_with('_'), "{reply}");
        assert!(extension["url"].as_str().unwrap().starts_with("https://"), "{reply}");
        assert!(extension["endpoints"].as_array().unwrap().iter().all(|endpoint| endpoint.is_string()), "{reply}");
    }
}

async fn the_registrys_extensions_are_listed(server: &Target) {
    expect_extensions(server.get("/v2/_oci/ext/discover").await);
}

async fn a_repositorys_extensions_are_listed(server: &Target) {
    let repository = server.repository();
    repository.push_image("v1").await;
    expect_extensions(server.get(&repository.path("_oci/ext/discover")).await);
}

//! `n` and `last` of a list, as they stand after the question mark.

use axum::body::Body;
use http::{Request, StatusCode, Uri};
use registry_server::oci::{Algorithm, Digest};
use serde_json::json;

use crate::{
    oracle,
    world::{Reply, World},
};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Tags, and repositories below `p/`, in byte order; some begin like others.
const ENTRIES: [&str; 8] = ["0.1.2", "0.1.20", "a", "a-b", "a.b", "a_b", "b", "b0"];

/// Entries that a page has at most, as configured by default.
const MOST: u128 = 1000;

thread_local! {
    static WORLD: World = {
        let world = World::in_memory();
        let empty = json!({ "schemaVersion": 2, "manifests": [] }).to_string();
        for entry in ENTRIES {
            push_index(&world, &format!("/v2/tagged/manifests/{entry}"), &empty);
            push_index(&world, &format!("/v2/p/{entry}/manifests/{}", Digest::of(Algorithm::Sha256, empty.as_bytes())), &empty);
        }
        world
    };
}

fn push_index(world: &World, target: &str, document: &str) {
    let request = Request::put(target).header("content-type", OCI_INDEX).body(Body::from(document.to_owned()));
    assert_eq!(world.send(request.unwrap()).status, StatusCode::CREATED);
}

pub(crate) fn check(input: &[u8]) {
    let Ok(query) = std::str::from_utf8(input) else { return };
    let [tags, catalog] = ["/v2/tagged/tags/list", "/v2/_catalog"].map(|path| format!("{path}?{query}").parse::<Uri>());
    let (Ok(tags), Ok(catalog)) = (tags, catalog) else { return };
    // A fragment is none of a server's business.
    let query = tags.query().unwrap_or_default();
    let (count, last) = (parameter(query, "n").map(|text| oracle::number(&text)), parameter(query, "last"));
    WORLD.with(|world| {
        let mut repositories: Vec<String> = ENTRIES.iter().map(|entry| format!("p/{entry}")).collect();
        repositories.push("tagged".to_owned());
        let reply = world.send(Request::get(catalog).body(Body::empty()).unwrap());
        // The reference refuses a page of the catalog that is too large, and cuts one of tags.
        let count_of_catalog = match count {
            Some(Some(count)) if count > MOST => Some(None),
            None => Some(Some(100)),
            count => count,
        };
        assert_is_page(&reply, "repositories", &repositories, count_of_catalog, last.as_deref());

        let tagged = ENTRIES.map(str::to_owned);
        let reply = world.send(Request::get(tags).body(Body::empty()).unwrap());
        assert_is_page(&reply, "tags", &tagged, count, last.as_deref());
    });
}

/// The first value of `name`, decoded, unless it is empty.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(String::from_utf8_lossy(&oracle::percent_decoded(pair)).into_owned()).filter(|value| !value.is_empty())
}

/// `count`: nothing was said, or nothing sensible, or a number.
#[track_caller]
fn assert_is_page(reply: &Reply, key: &str, all: &[String], count: Option<Option<u128>>, last: Option<&str>) {
    reply.assert_is_in_order();
    if count == Some(None) {
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reply:?}");
        return;
    }
    let count = count.flatten().map_or(usize::MAX, |count| count.min(MOST) as usize);
    let after: Vec<&String> = all.iter().filter(|entry| last.is_none_or(|last| entry.as_str() > last)).collect();
    let page = &after[..count.min(after.len())];
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(reply.json()[key], json!(page));
    assert_eq!(reply.header("link").is_some(), page.len() < after.len() && !page.is_empty(), "{reply:?}");
}

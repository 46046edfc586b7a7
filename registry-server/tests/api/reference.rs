//! The reference's answers, row by row, where they are not among the defects that this server is free of.

use crate::support::{DOCKER_LIST, OCI_IMAGE, Reply, Server, on_every_store_with, options};

/// A request and what is to be found in its answer. `{image}`, `{layer}`, `{list}` and `{session}` stand for what
/// [`prepare`] made.
struct Row {
    request: &'static str,
    headers: &'static [(&'static str, &'static str)],
    status: u16,
    /// Headers the answer has; `-` for one that it does not have.
    has: &'static [(&'static str, &'static str)],
    /// What its body holds.
    says: &'static str,
}

const fn row(request: &'static str, status: u16) -> Row {
    Row { request, headers: &[], status, has: &[], says: "" }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");
const LIST: &[(&str, &str)] = &[("content-type", DOCKER_LIST)];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // The base.
    Row { has: &[("cache-control", "no-cache"), ("content-length", "0")], ..row("GET /", 200) },
    Row { has: &[("location", "/v2/")], ..row("GET /v2", 301) },
    Row { says: "{}", has: &[JSON], ..row("GET /v2/", 200) },
    Row { says: "{}", ..row("DELETE /v2/", 200) },
    // What is no route.
    Row { says: "404 page not found", has: &[TEXT], ..row("GET /v2/Capital/manifests/v1", 404) },
    Row { says: "Method not allowed", has: &[TEXT, ("allow", "DELETE, GET, HEAD, PUT")], ..row("PATCH /v2/app/manifests/v1", 405) },
    // Manifests.
    Row { says: "unknown tag=absent", has: &[JSON], ..row("GET /v2/app/manifests/absent", 404) },
    Row { says: "MANIFEST_UNKNOWN", ..row("GET /v2/other/manifests/{image}", 404) },
    Row { says: "DIGEST_INVALID", ..row("GET /v2/app/manifests/sha256:baddigeststring", 400) },
    Row { has: &[("content-type", OCI_IMAGE), ("docker-content-digest", "{image}"), ("etag", "\"{image}\"")], ..row("GET /v2/app/manifests/v1", 200) },
    Row { headers: &[("accept", DOCKER_LIST)], has: &[("content-type", OCI_IMAGE)], ..row("GET /v2/app/manifests/v1", 200) },
    Row { has: &[("content-type", DOCKER_LIST), ("docker-content-digest", "{list}")], ..row("GET /v2/app/manifests/list", 200) },
    Row { headers: &[("if-none-match", "\"{image}\"")], ..row("GET /v2/app/manifests/v1", 304) },
    Row { headers: &[("if-none-match", "{image}")], ..row("GET /v2/app/manifests/{image}", 304) },
    Row { headers: &[JSON], says: "MANIFEST_INVALID", ..row("PUT /v2/app/manifests/new", 400) },
    Row { headers: LIST, says: "MANIFEST_INVALID", ..row("PUT /v2/app/manifests/new", 400) },
    // Blobs.
    Row {
        has: &[("accept-ranges", "bytes"), ("cache-control", "max-age=31536000"), ("content-type", "application/octet-stream"),
            ("content-length", "5"), ("docker-content-digest", "{layer}"), ("etag", "\"{layer}\"")],
        says: "layer", ..row("GET /v2/app/blobs/{layer}", 200)
    },
    Row { headers: &[("range", "bytes=1-3")], has: &[("content-range", "bytes 1-3/5")], says: "aye", ..row("GET /v2/app/blobs/{layer}", 206) },
    Row { headers: &[("range", "bytes=9-")], has: &[("content-range", "bytes */5")], ..row("GET /v2/app/blobs/{layer}", 416) },
    Row { says: "DIGEST_INVALID", has: &[JSON], ..row("GET /v2/app/blobs/sha256:bad", 400) },
    Row { says: "BLOB_UNKNOWN", ..row("GET /v2/other/blobs/{layer}", 404) },
    // Uploads.
    Row { has: &[("range", "0-0"), ("content-length", "0"), ("content-type", "-")], ..row("POST /v2/app/blobs/uploads/", 202) },
    Row { ..row("POST /v2/app/blobs/uploads/?mount={layer}&from=nowhere", 202) },
    Row { has: &[("docker-content-digest", "{layer}")], ..row("POST /v2/copy/blobs/uploads/?mount={layer}&from=app", 201) },
    Row { has: &[("range", "0-0")], ..row("GET {session}", 204) },
    Row { says: "DIGEST_INVALID", ..row("PUT {session}", 400) },
    Row { headers: &[("content-range", "5-6"), ("content-length", "2")], says: "RANGE_INVALID", ..row("PATCH {session}", 416) },
    Row { headers: &[("content-range", "5-6"), ("content-length", "2")], says: "RANGE_INVALID", ..row("PUT {session}&digest={layer}", 416) },
    Row { says: "BLOB_UPLOAD_UNKNOWN", ..row("GET /v2/app/blobs/uploads/1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11", 404) },
    Row { ..row("DELETE {session}", 204) },
    Row { says: "BLOB_UPLOAD_UNKNOWN", ..row("DELETE {session}", 404) },
    // Lists.
    Row { says: "{\"repositories\":[\"app\"", has: &[JSON], ..row("GET /v2/_catalog", 200) },
    Row { says: "PAGINATION_NUMBER_INVALID", ..row("GET /v2/_catalog?n=1001", 400) },
    Row { says: "PAGINATION_NUMBER_INVALID", ..row("GET /v2/_catalog?n=-1", 400) },
    Row { has: &[("link", "</v2/_catalog?last=app&n=1>; rel=\"next\"")], ..row("GET /v2/_catalog?n=1", 200) },
    Row { says: "{\"name\":\"app\",\"tags\":[\"list\",\"v1\"]}", has: &[JSON, ("link", "-")], ..row("GET /v2/app/tags/list", 200) },
    Row { has: &[("link", "</v2/app/tags/list?last=list&n=1>; rel=\"next\"")], ..row("GET /v2/app/tags/list?n=1", 200) },
    Row { says: "\"tags\":[]", has: &[("link", "-")], ..row("GET /v2/app/tags/list?n=0", 200) },
    Row { says: "\"tags\":[\"list\",\"v1\"]", ..row("GET /v2/app/tags/list?n=100000", 200) },
    Row { says: "NAME_UNKNOWN", ..row("GET /v2/absent/tags/list", 404) },
    // Deletion, last.
    Row { ..row("DELETE /v2/app/manifests/list", 202) },
    Row { says: "MANIFEST_UNKNOWN", ..row("DELETE /v2/app/manifests/list", 404) },
    Row { ..row("DELETE /v2/app/manifests/{image}", 202) },
    Row { says: "unknown tag=v1", ..row("GET /v2/app/manifests/v1", 404) },
    Row { ..row("DELETE /v2/app/blobs/{layer}", 202) },
    Row { says: "BLOB_UNKNOWN", ..row("DELETE /v2/app/blobs/{layer}", 404) },
];

/// What the rows are about.
struct Names {
    image: String,
    layer: String,
    list: String,
    session: String,
}

impl Names {
    fn fill(&self, text: &str) -> String {
        text.replace("{image}", &self.image)
            .replace("{layer}", &self.layer)
            .replace("{list}", &self.list)
            .replace("{session}", &self.session)
    }
}

async fn prepare(server: &Server) -> Names {
    let image = server.push_image("app", "v1", "x").await;
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"{DOCKER_LIST}","manifests":[{{"mediaType":"{OCI_IMAGE}","digest":"{image}","size":1,"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
    );
    let reply = server.put_manifest("/v2/app/manifests/list", DOCKER_LIST, list).await;
    assert_eq!(reply.status, 201, "{reply}");
    server.push_image("zebra", "v1", "x").await;
    Names {
        image: image.to_string(),
        layer: server.push_blob("app", "layer").await.to_string(),
        list: reply.header("docker-content-digest").unwrap().to_owned(),
        session: server.begin_upload("app").await,
    }
}

fn check(row: &Row, reply: &Reply, names: &Names) {
    let Row { request, headers, status, has, says } = row;
    assert_eq!(reply.status.as_u16(), *status, "{request} {headers:?}: {reply}");
    assert_eq!(reply.header("docker-distribution-api-version"), Some("registry/2.0"), "{request}: {reply}");
    for (name, value) in *has {
        let wanted = (*value != "-").then(|| names.fill(value));
        assert_eq!(reply.header(name), wanted.as_deref(), "{name} of {request}: {reply}");
    }
    let body = String::from_utf8_lossy(&reply.body);
    assert!(body.contains(&names.fill(says)), "{request}: {reply}");
}

#[test]
fn every_row_of_the_table_is_answered_as_the_reference_does() {
    on_every_store_with(options(), async |server| {
        let names = prepare(&server).await;
        for row in ROWS {
            let (method, target) = row.request.split_once(' ').unwrap();
            let headers: Vec<(&str, String)> =
                row.headers.iter().map(|(name, value)| (*name, names.fill(value))).collect();
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let reply = server.call(method, &names.fill(target), &headers, "").await;
            check(row, &reply, &names);
        }
    });
}

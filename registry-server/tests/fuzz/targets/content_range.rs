//! `Content-Range` of an upload's chunk (distribution-spec, "Pushing a blob in chunks").

use std::sync::LazyLock;

use axum::body::Body;
use http::{HeaderValue, Request, StatusCode, header};
use regex::Regex;

use crate::{oracle, world::World};

static FORM: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A([0-9]+)-([0-9]+)\z").unwrap());

thread_local! {
    static WORLD: World = World::in_memory();
}

/// The second chunk of an upload, bytes 3 to 7, with the input as its place.
pub(crate) fn check(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    WORLD.with(|world| {
        let session = world.begin_upload("fuzz");
        assert_eq!(world.call("PATCH", &session, "abc").status, StatusCode::ACCEPTED);
        let request = Request::patch(&session)
            .header(header::HOST, "registry.test")
            .header(header::CONTENT_LENGTH, 5)
            .header(header::CONTENT_RANGE, &value);
        let reply = world.send(request.body(Body::from("defgh")).unwrap());

        let belongs_here = value
            .to_str()
            .ok()
            .and_then(|text| FORM.captures(text))
            .is_some_and(|place| (oracle::number(&place[1]), oracle::number(&place[2])) == (Some(3), Some(7)));
        let received = if belongs_here {
            assert_eq!(reply.status, StatusCode::ACCEPTED, "{value:?}");
            "0-7"
        } else {
            let refusals = [StatusCode::BAD_REQUEST, StatusCode::RANGE_NOT_SATISFIABLE];
            assert!(refusals.contains(&reply.status), "{value:?}: {reply:?}");
            "0-2"
        };
        assert_eq!(world.call("GET", &session, Body::empty()).header("range"), Some(received), "{value:?}");
        assert_eq!(world.call("DELETE", &session, Body::empty()).status, StatusCode::NO_CONTENT);
    });
}

//! `_state` in the location of an upload: the reference needs it, this server does not.

use http::{StatusCode, Uri};
use registry_server::oci::{Algorithm, Digest};

use crate::world::World;

const CONTENT: &[u8] = b"cargo";

/// With more, a target is too long for a URI.
const LONGEST: usize = 32 << 10;

thread_local! {
    static WORLD: World = World::in_memory();
}

/// An upload in two requests, each with the input as its state.
pub(crate) fn check(input: &[u8]) {
    let Ok(state) = std::str::from_utf8(input) else { return };
    if state.len() > LONGEST || format!("/v2/?_state={state}").parse::<Uri>().is_err() {
        return;
    }
    let digest = Digest::of(Algorithm::Sha256, CONTENT);
    WORLD.with(|world| {
        let location = world.begin_upload("fuzz");
        let session = location.split('?').next().unwrap_or_default();
        let appended = world.call("PATCH", &format!("{session}?_state={state}"), CONTENT);
        assert_eq!(appended.status, StatusCode::ACCEPTED, "{appended:?}");
        assert_eq!(appended.header("range"), Some("0-4"));
        // The digest first: what comes after may look like another one.
        let finished = world.call("PUT", &format!("{session}?digest={digest}&_state={state}"), "");
        assert_eq!(finished.status, StatusCode::CREATED, "{finished:?}");
        assert_eq!(finished.header("docker-content-digest").unwrap(), digest.to_string());
        assert_eq!(world.call("PATCH", session, "").status, StatusCode::NOT_FOUND, "a session is used once");
    });
}

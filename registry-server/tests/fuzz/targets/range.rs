//! `Range` of a download (RFC 9110, section 14).

use std::{ops::Range, sync::LazyLock};

use axum::body::Body;
use http::{HeaderValue, Request, StatusCode, header};
use regex::Regex;

use crate::{oracle, world::World};

const BLOB: &[u8] =
    b"The tide table of a small harbour: one thousand bytes would not make it any better than these hundred.";

static SINGLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A([0-9]*)-([0-9]*)\z").unwrap());

thread_local! {
    static WORLD: (World, String) = {
        let world = World::in_memory();
        let digest = world.push_blob("fuzz", BLOB);
        (world, format!("/v2/fuzz/blobs/{digest}"))
    };
}

pub(crate) fn check(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let expected = value.to_str().map_or(Some(0..BLOB.len()), selected);
    let is_part = value.to_str().is_ok_and(is_single);
    let reply = WORLD.with(|(world, target)| {
        world.send(Request::get(target).header(header::RANGE, value.clone()).body(Body::empty()).unwrap())
    });
    reply.assert_is_in_order();
    match expected {
        None => {
            assert_eq!(reply.status, StatusCode::RANGE_NOT_SATISFIABLE, "{value:?}");
            assert_eq!(reply.header("content-range").unwrap(), format!("bytes */{}", BLOB.len()));
        }
        Some(part) => {
            let status = if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
            assert_eq!((reply.status, &reply.body[..]), (status, &BLOB[part.clone()]), "{value:?}");
            let stated = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), BLOB.len());
            assert_eq!(reply.header("content-range"), is_part.then_some(&*stated), "{value:?}");
        }
    }
}

/// Whether it is one range in bytes: several, and other units, are answered with the whole.
fn is_single(text: &str) -> bool {
    text.trim().strip_prefix("bytes=").is_some_and(|set| !set.contains(','))
}

/// What is to be sent; `None` when nothing can be.
fn selected(text: &str) -> Option<Range<usize>> {
    let size = BLOB.len() as u128;
    if !is_single(text) {
        return Some(0..BLOB.len());
    }
    let set = SINGLE.captures(text.trim().strip_prefix("bytes=")?.trim())?;
    let (first, last) = match (oracle::number(&set[1]), oracle::number(&set[2])) {
        (None, None) => return None,
        (None, Some(suffix)) => (size - suffix.min(size), size - 1),
        (Some(first), None) => (first, size - 1),
        (Some(first), Some(last)) => (first, last.min(size - 1)),
    };
    (first <= last).then_some(first as usize..last as usize + 1)
}

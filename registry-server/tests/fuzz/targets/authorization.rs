//! `Authorization` of the Basic scheme (RFC 7617).

use std::fs;

use axum::body::Body;
use http::{HeaderValue, Request, StatusCode, header};

use crate::world::World;

/// `moby:gordon`, hashed as cheaply as can be.
pub(crate) const LINE: &str = "moby:$2y$04$abcdefghijklmnopqrstuupw5L9fjkIMMbP9zLoskl.NVEwDR1e16";

/// `moby:gordon` in base64.
const TOKEN: &[u8] = b"bW9ieTpnb3Jkb24=";

thread_local! {
    static WORLD: (World, tempfile::TempDir) = {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("users"), LINE).unwrap();
        let users = path("users");
        let configuration = format!(
            "version: 0.1\nstorage: inmemory\nhttp: {{addr: '127.0.0.1:0'}}\nauth: {{htpasswd: {{realm: Yard, path: {}}}}}\n",
            users.display()
        );
        fs::write(path("config.yml"), configuration).unwrap();
        (World::configured(&path("config.yml")).unwrap(), directory)
    };
}

pub(crate) fn check(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let reply = WORLD.with(|(world, _)| {
        world.send(Request::get("/v2/").header(header::AUTHORIZATION, &value).body(Body::empty()).unwrap())
    });
    if is_right(input) {
        assert_eq!(reply.status, StatusCode::OK, "{value:?}");
        return;
    }
    // 429 where one name was tried too often.
    let refusals = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
    assert!(refusals.contains(&reply.status), "{value:?}: {reply:?}");
    let wants_password = reply.header("www-authenticate") == Some("Basic realm=\"Yard\"");
    assert_eq!(wants_password, reply.status == StatusCode::UNAUTHORIZED, "{reply:?}");
    assert_eq!(reply.header("retry-after").is_some(), reply.status == StatusCode::TOO_MANY_REQUESTS, "{reply:?}");
}

/// The scheme in any case, and exactly this token.
fn is_right(value: &[u8]) -> bool {
    let is_basic = value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic "));
    is_basic && value[6..].trim_ascii() == TOKEN
}

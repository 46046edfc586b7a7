//! Upload sessions that nobody means to use.

use std::time::Duration;

use registry_server::config::Purge;

use super::{
    eventually,
    server::{Server, Setup},
    wire::request,
};

const SESSIONS: usize = 2000;

/// By the server's own upkeep.
#[test]
fn thousands_of_sessions_that_are_never_used_are_purged() {
    let purge = Purge { age: Duration::from_secs(2), interval: Duration::from_millis(200) };
    let server = Server::with(Setup { purge: Some(purge), ..Setup::default() });
    let mut wire = server.connect();
    for index in 0..SESSIONS {
        wire.send(request("POST", &format!("/v2/unused/{}/blobs/uploads/", index % 50), &[], b""));
        assert_eq!(wire.answer().map(|answer| answer.status), Some(202));
    }
    drop(wire);
    eventually("every session is purged", || server.files().is_empty());
    assert_eq!(server.busy(), (0, 0));
    assert_eq!(server.get("/v2/_catalog").text().trim(), r#"{"repositories":[]}"#);
}

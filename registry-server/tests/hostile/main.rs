//! Clients that mean no good, over sockets: each gets the right status or is cut off, others are served meanwhile, and
//! nothing is left of it: no connection, no request in flight, no file once abandoned uploads are purged.
//!
//! What slow clients are allowed is tested in `tests/edge/limits.rs`; what single parsers make of single values, in
//! `tests/fuzz`. The vulnerabilities that other registries had are in [`cve`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod cve;
mod framing;
mod http2;
mod json;
mod lists;
mod process;
mod requests;
mod server;
mod sessions;
mod transfers;
mod wire;

#[path = "../common/pair.rs"]
mod pair;
#[path = "../common/wait.rs"]
mod wait;

use self::wait::eventually;

/// `sha256:<hex>` of `content`.
fn sha256(content: impl AsRef<[u8]>) -> String {
    registry_server::oci::Digest::of(registry_server::oci::Algorithm::Sha256, content.as_ref()).to_string()
}

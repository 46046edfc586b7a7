//! The `_state` parameter of upload locations, in the reference's form: signed with `http.secret`, so that a replica of the
//! reference on the same storage can go on with an upload. Scripts that append `&digest=` to a location need one, too.
//!
//! This server does not read it: the state of an upload is in the storage, and a client may drop the parameter.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE};
use jiff::Timestamp;
use registry_config::Secret;
use serde::Serialize;
use uuid::Uuid;

use crate::oci::Repository;

/// The reference's `blobUploadState`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct State<'a> {
    name: &'a str,
    #[serde(rename = "UUID")]
    uuid: String,
    offset: u64,
    started_at: String,
}

/// `?_state=...` for a session with `offset` bytes.
pub(super) fn query(secret: &Secret, repository: &Repository, id: Uuid, offset: u64) -> String {
    // The reference copies the time from one location to the next and does not look at it.
    let started_at = Timestamp::now().to_string();
    let state = State { name: repository.as_str(), uuid: id.to_string(), offset, started_at };
    // Numbers and texts can always be written as JSON.
    let state = serde_json::to_vec(&state).unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_bytes());
    let token = [hmac::sign(&key, &state).as_ref(), &state].concat();
    format!("?_state={}", URL_SAFE.encode(token).replace('=', "%3D"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_a_signature_and_what_it_signs() {
        let (secret, id) = (Secret("harbour".to_owned()), Uuid::from_u128(7));
        let query = query(&secret, &"port/pier".parse().unwrap(), id, 42);
        let token = URL_SAFE.decode(query.strip_prefix("?_state=").unwrap().replace("%3D", "=")).unwrap();
        let (signature, state) = token.split_at(32);
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, b"harbour"), state, signature).unwrap();
        let state: serde_json::Value = serde_json::from_slice(state).unwrap();
        assert_eq!(
            (&state["Name"], &state["UUID"], &state["Offset"]),
            (&"port/pier".into(), &id.to_string().into(), &42.into())
        );
        assert!(state["StartedAt"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }
}

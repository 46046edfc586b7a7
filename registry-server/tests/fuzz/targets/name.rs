//! The name of a repository, which becomes part of paths.

use registry_server::{
    oci::{Algorithm, Digest, Repository},
    storage::layout,
};
use uuid::Uuid;

use crate::oracle;

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let parsed = text.parse::<Repository>();
    assert_eq!(parsed.is_ok(), oracle::is_name(text), "{text:?}");
    match parsed {
        Ok(repository) => {
            assert_eq!(repository.as_str(), text);
            let digest = Digest::of(Algorithm::Sha512, input);
            for key in [
                layout::layer_link(&repository, &digest),
                layout::revision_link(&repository, &digest),
                layout::upload_data(&repository, Uuid::max()),
                layout::referrer(&repository, &digest, &digest),
            ] {
                oracle::assert_stays_below_the_root(&key.to_string());
            }
        }
        Err(error) => assert!(error.to_string().len() < 300, "{error}"),
    }
}

//! A tag or a digest. A tag becomes part of a path.

use registry_server::{
    oci::{Algorithm, Digest, Reference},
    storage::layout,
};

use crate::oracle;

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let parsed = text.parse::<Reference>();
    assert_eq!(parsed.is_ok(), oracle::is_digest(text) || oracle::is_tag(text), "{text:?}");
    match parsed {
        Ok(reference) => {
            assert_eq!(reference.to_string(), text);
            assert_eq!(matches!(reference, Reference::Digest(_)), text.contains(':'), "{text:?}");
            if let Reference::Tag(tag) = reference {
                let (repository, digest) = ("a/b".parse().unwrap(), Digest::of(Algorithm::Sha512, input));
                oracle::assert_stays_below_the_root(&layout::tag_link(&repository, &tag).to_string());
                oracle::assert_stays_below_the_root(&layout::tag_history_link(&repository, &tag, &digest).to_string());
            }
        }
        Err(error) => assert!(error.to_string().len() < 300, "{error}"),
    }
}

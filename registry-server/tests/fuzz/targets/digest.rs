//! `<algorithm>:<hex>`.

use registry_server::oci::Digest;

use crate::oracle;

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let parsed = text.parse::<Digest>();
    assert_eq!(parsed.is_ok(), oracle::is_digest(text), "{text:?}");
    match parsed {
        Ok(digest) => {
            assert_eq!(digest.to_string(), text);
            assert_eq!(format!("{}:{}", digest.algorithm(), digest.hex()), text);
            let json = serde_json::to_string(&digest).unwrap();
            assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        }
        Err(error) => assert!(error.to_string().len() < 200, "{error}"),
    }
}

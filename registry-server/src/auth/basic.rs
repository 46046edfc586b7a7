//! The `Authorization` header of the Basic scheme (RFC 7617).

use base64::{Engine, engine::general_purpose};
use http::{HeaderMap, header::AUTHORIZATION};

/// What a client says about itself.
pub(super) struct Credentials {
    pub(super) user: String,
    /// Any bytes; UTF-8 as a rule.
    pub(super) password: Vec<u8>,
}

/// What the `Authorization` headers of a request hold.
pub(super) enum Header {
    /// There is none.
    Absent,
    /// Another scheme, more than one header, or not what the scheme wants.
    Malformed,
    /// Name and password.
    Basic(Credentials),
}

/// Reads the `Authorization` header.
pub(super) fn read(headers: &HeaderMap) -> Header {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Header::Absent,
        (Some(value), None) => parse(value.as_bytes()).map_or(Header::Malformed, Header::Basic),
        (Some(_), Some(_)) => Header::Malformed,
    }
}

fn parse(value: &[u8]) -> Option<Credentials> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = general_purpose::STANDARD.decode(rest.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some(Credentials { user, password: decoded[colon + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn name_and_password_are_split_at_the_first_colon() {
        let credentials = parse(b"bAsIc YWxpY2U6YTpi").unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.as_slice()), ("alice", b"a:b".as_slice()));
    }

    #[test]
    fn anything_else_is_malformed() {
        for value in ["", "Basic", "Basic ", "Basic !!!!", "Basic YWxpY2U=", "Bearer YWxpY2U6YTpi", "Basic /w=="] {
            assert!(parse(value.as_bytes()).is_none(), "{value}");
        }
    }

    #[test]
    fn two_headers_are_malformed() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic YWxpY2U6YTpi"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic YWxpY2U6YTpi"));
        assert!(matches!(read(&headers), Header::Malformed));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(value in prop::collection::vec(any::<u8>(), 0..64)) {
            parse(&value);
        }

        #[test]
        fn what_was_encoded_is_read(user in "[^:]{0,16}", password in prop::collection::vec(any::<u8>(), 0..32)) {
            let plain = [user.as_bytes(), b":", &password].concat();
            let value = format!("Basic {}", general_purpose::STANDARD.encode(plain));
            let credentials = parse(value.as_bytes()).unwrap();
            prop_assert_eq!((credentials.user, credentials.password), (user, password));
        }
    }
}

//! Grammars, written down a second time: regular expressions of the specifications.

use std::sync::LazyLock;

use regex::Regex;

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// distribution-spec, "Pulling manifests": `<name>`, without its length.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    let component = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
    regex(&format!(r"\A{component}(?:/{component})*\z"))
});

/// distribution-spec, "Pulling manifests": `<reference>` as a tag.
static TAG: LazyLock<Regex> = LazyLock::new(|| regex(r"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z"));

/// image-spec, "Digests", with the registered algorithms.
static DIGEST: LazyLock<Regex> = LazyLock::new(|| regex(r"\A(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\z"));

/// RFC 9562, as this server writes it.
static SESSION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z"));

pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 255 && NAME.is_match(text)
}

pub(crate) fn is_tag(text: &str) -> bool {
    TAG.is_match(text)
}

pub(crate) fn is_digest(text: &str) -> bool {
    DIGEST.is_match(text)
}

pub(crate) fn is_session(text: &str) -> bool {
    SESSION.is_match(text)
}

/// Digits and nothing else, however many; what is too large is as large as can be.
pub(crate) fn number(text: &str) -> Option<u128> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u128::MAX))
}

/// Percent-decoding (RFC 3986); a percent sign without two digits stands for itself.
pub(crate) fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.filter(|_| bytes[at] == b'%') {
            Some(digits) => {
                decoded.push(u8::from_str_radix(digits, 16).unwrap());
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// A key that cannot lead out of the directory it is taken in, and that every file system can hold.
#[track_caller]
pub(crate) fn assert_stays_below_the_root(key: &str) {
    assert!(key.len() < 2048, "{key} is too long");
    assert!(key.starts_with("docker/registry/v2/") || key.starts_with("private-registry/"), "{key} is elsewhere");
    for component in key.split('/') {
        assert!(!matches!(component, "" | "." | ".."), "{key} climbs");
        assert!(component.len() <= 255, "{key} has a component that is too long");
        assert!(component.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{key} has odd characters");
    }
}

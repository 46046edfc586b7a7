//! Byte ranges: `Range` of downloads (RFC 9110, section 14) and `Content-Range` of upload chunks (distribution-spec,
//! "Pushing a blob in chunks").

use std::ops::Range;

use http::{HeaderMap, header};

use super::error::ApiError;
use crate::oci::ErrorCode;

/// What part of an object a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Unsatisfiable,
}

impl Selection {
    /// Reads the request's `Range` of an object of `size` bytes whose entity tag is `etag`.
    ///
    /// Several ranges at once are answered with the whole object, as a server may. Nothing is unsatisfiable in an empty
    /// object: some clients send a range with every request.
    pub(super) fn of(headers: &HeaderMap, size: u64, etag: &str) -> Self {
        let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let Some(range) = text(header::RANGE) else { return Self::Whole };
        if text(header::IF_RANGE).is_some_and(|tag| tag.trim_matches('"') != etag) || size == 0 {
            return Self::Whole;
        }
        match range.trim().strip_prefix("bytes=") {
            Some(ranges) if ranges.contains(',') => Self::Whole,
            Some(range) => Self::single(range, size).unwrap_or(Self::Unsatisfiable),
            None => Self::Whole,
        }
    }

    fn single(range: &str, size: u64) -> Option<Self> {
        let (first, last) = range.trim().split_once('-')?;
        let part = if first.is_empty() {
            let length = position(last)?.min(size);
            size - length..size
        } else {
            let last = if last.is_empty() { size - 1 } else { position(last)?.min(size - 1) };
            position(first)?..last + 1
        };
        (part.start < part.end).then_some(Self::Part(part))
    }
}

/// The position of an upload chunk, `<first>-<last>`, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// Offset of the first byte.
    pub(super) first: u64,
    /// How many bytes.
    pub(super) length: u64,
}

impl ContentRange {
    /// The request's `Content-Range`, if it has one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = headers.get(header::CONTENT_RANGE) else { return Ok(None) };
        let range = value.to_str().ok().and_then(Self::parse);
        range.map(Some).ok_or_else(|| {
            ApiError::new(ErrorCode::RangeInvalid, "Content-Range has the form <first>-<last>, in bytes from 0")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        Some(Self { first, length: last.checked_sub(first)?.checked_add(1)? })
    }
}

/// Digits alone: `str::parse` would accept a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// As [`number`], but what no object is long enough for is as good as the end of the longest.
fn position(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn select(range: &str, size: u64) -> Selection {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
        Selection::of(&headers, size, "sha256:x")
    }

    #[test]
    fn every_form_of_a_range() {
        assert_eq!(select("bytes=2-4", 10), Selection::Part(2..5));
        assert_eq!(select("bytes=2-", 10), Selection::Part(2..10));
        assert_eq!(select("bytes=-3", 10), Selection::Part(7..10));
        assert_eq!(select("bytes=-30", 10), Selection::Part(0..10));
        assert_eq!(select("bytes=0-99", 10), Selection::Part(0..10));
        assert_eq!(select("bytes=0-99999999999999999999", 10), Selection::Part(0..10));
        assert_eq!(select("bytes=-99999999999999999999", 10), Selection::Part(0..10));
        assert_eq!(select("bytes=0-1,4-5", 10), Selection::Whole);
        assert_eq!(select("lines=0-1", 10), Selection::Whole);
        assert_eq!(select("bytes=0-", 0), Selection::Whole);
    }

    #[test]
    fn ranges_without_a_byte_are_unsatisfiable() {
        for range in [
            "bytes=500-0",
            "bytes=10-",
            "bytes=10-12",
            "bytes=-0",
            "bytes=",
            "bytes=x-",
            "bytes=+1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(select(range, 10), Selection::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn another_version_is_sent_whole() {
        let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-0"))]);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"sha256:y\""));
        assert_eq!(Selection::of(&headers, 10, "sha256:x"), Selection::Whole);
    }

    #[test]
    fn chunks_name_their_first_and_last_byte() {
        assert_eq!(ContentRange::parse("0-0"), Some(ContentRange { first: 0, length: 1 }));
        assert_eq!(ContentRange::parse("5-9"), Some(ContentRange { first: 5, length: 5 }));
        for malformed in ["", "-", "5", "9-5", "bytes 0-4", "0-4/5", "-1-4", "+1-4", "0-18446744073709551615"] {
            assert_eq!(ContentRange::parse(malformed), None, "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_object(range in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}", size in 0_u64..50) {
            if let Selection::Part(part) = select(&range, size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }

        #[test]
        fn content_ranges_never_panic(text in "[0-9+ -]{0,45}") {
            let _ = ContentRange::parse(&text);
        }
    }
}

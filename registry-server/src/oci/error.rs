//! The error codes of the distribution API (distribution-spec, "Error Codes", and the reference's additions).
//!
//! Knows codes and their standing messages. Which HTTP status a code has is decided in `http/error.rs`.

use std::fmt;

/// A code of the error envelope `{"errors":[{"code", "message", "detail"}]}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// `BLOB_UNKNOWN`
    BlobUnknown,
    /// `BLOB_UPLOAD_INVALID`
    BlobUploadInvalid,
    /// `BLOB_UPLOAD_UNKNOWN`
    BlobUploadUnknown,
    /// `DENIED`
    Denied,
    /// `DIGEST_INVALID`
    DigestInvalid,
    /// `MANIFEST_BLOB_UNKNOWN`
    ManifestBlobUnknown,
    /// `MANIFEST_INVALID`
    ManifestInvalid,
    /// `MANIFEST_UNKNOWN`
    ManifestUnknown,
    /// `NAME_INVALID`
    NameInvalid,
    /// `NAME_UNKNOWN`
    NameUnknown,
    /// `PAGINATION_NUMBER_INVALID`
    PaginationNumberInvalid,
    /// `RANGE_INVALID`
    RangeInvalid,
    /// `SIZE_INVALID`
    SizeInvalid,
    /// `TAG_INVALID`
    TagInvalid,
    /// `TOOMANYREQUESTS`
    TooManyRequests,
    /// `UNAUTHORIZED`
    Unauthorized,
    /// `UNAVAILABLE`
    Unavailable,
    /// `UNKNOWN`
    Unknown,
    /// `UNSUPPORTED`
    Unsupported,
}

impl ErrorCode {
    /// The code as it is sent.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The reference's message for the code, which clients show to people.
    pub fn message(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::BlobUnknown => ("BLOB_UNKNOWN", "blob unknown to registry"),
            Self::BlobUploadInvalid => ("BLOB_UPLOAD_INVALID", "blob upload invalid"),
            Self::BlobUploadUnknown => ("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
            Self::Denied => ("DENIED", "requested access to the resource is denied"),
            Self::DigestInvalid => ("DIGEST_INVALID", "provided digest did not match uploaded content"),
            Self::ManifestBlobUnknown => ("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
            Self::ManifestInvalid => ("MANIFEST_INVALID", "manifest invalid"),
            Self::ManifestUnknown => ("MANIFEST_UNKNOWN", "manifest unknown"),
            Self::NameInvalid => ("NAME_INVALID", "invalid repository name"),
            Self::NameUnknown => ("NAME_UNKNOWN", "repository name not known to registry"),
            Self::PaginationNumberInvalid => ("PAGINATION_NUMBER_INVALID", "invalid number of results requested"),
            Self::RangeInvalid => ("RANGE_INVALID", "invalid content range"),
            Self::SizeInvalid => ("SIZE_INVALID", "provided length did not match content length"),
            Self::TagInvalid => ("TAG_INVALID", "manifest tag did not match URI"),
            Self::TooManyRequests => ("TOOMANYREQUESTS", "too many requests"),
            Self::Unauthorized => ("UNAUTHORIZED", "authentication required"),
            Self::Unavailable => ("UNAVAILABLE", "service unavailable"),
            Self::Unknown => ("UNKNOWN", "unknown error"),
            Self::Unsupported => ("UNSUPPORTED", "The operation is unsupported."),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

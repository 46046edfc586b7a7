//! The vocabulary of the OCI distribution specification: digests, names, references, routes, media types, manifests.
//!
//! Everything is parsed once, here, into a type that cannot hold an invalid value; the rest of the server never looks at
//! raw text again. Pure: no I/O, no HTTP types, no paths.

pub mod descriptor;
pub mod digest;
pub mod error;
pub mod manifest;
pub mod media_type;
pub mod reference;
pub mod repository;
pub mod route;

pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest};
pub use error::ErrorCode;
pub use manifest::Manifest;
pub use media_type::ManifestType;
pub use reference::{Reference, Tag};
pub use repository::Repository;
pub use route::Route;

//! `middleware`: parts of the reference that can be put between its layers.

use std::collections::BTreeMap;

use crate::{keys::Support::Implemented, macros::section};

section! {
    /// What is put between the reference's layers.
    Section Middleware {
        /// In front of the registry.
        registry: Vec<MiddlewareEntry> => Implemented,
        /// In front of each repository.
        repository: Vec<MiddlewareEntry> => Implemented,
        /// In front of the storage: `cloudfront`, `redirect`, `rewrite`.
        storage: Vec<MiddlewareEntry> => Implemented,
    }

    /// A middleware.
    Section MiddlewareEntry {
        /// Its name.
        name: String => Implemented,
        /// Leaves it out.
        disabled: bool => Implemented,
        /// What it is told.
        options: BTreeMap<String, String> => Implemented,
    }
}

//! `compatibility` and `reporting`, which 3.x of the reference has no longer.

use std::path::PathBuf;

use crate::{Secret, keys::Support::Implemented, macros::section};

section! {
    /// Formats of the past (2.8).
    Section Compatibility {
        /// Manifests of schema 1.
        schema1: Schema1 => Implemented,
    }

    /// Manifests of schema 1.
    Section Schema1 {
        /// Takes and gives them.
        enabled: bool => Implemented,
        /// The key that signs them.
        signingkeyfile env "TrustKey": PathBuf => Implemented,
    }

    /// Services that collect errors (2.8).
    Section Reporting {
        /// Bugsnag.
        bugsnag: Bugsnag => Implemented,
        /// New Relic.
        newrelic: NewRelic => Implemented,
    }

    /// Bugsnag.
    Section Bugsnag {
        /// The key of the account.
        apikey: Secret => Implemented,
        /// Such as `production`.
        releasestage: String => Implemented,
        /// The service's URL.
        endpoint: String => Implemented,
    }

    /// New Relic.
    Section NewRelic {
        /// The key of the account.
        licensekey: Secret => Implemented,
        /// The name of this registry there.
        name: String => Implemented,
        /// Whether it tells more.
        verbose: bool => Implemented,
    }
}

//! `validation`: which manifests are taken, and `policy`.

use crate::{
    keys::Support::Implemented,
    macros::{choice, section},
};

section! {
    /// Which manifests are taken.
    Section Validation {
        /// Turns the section on; the old form of `disabled`.
        enabled: bool => Implemented,
        /// Turns the section off.
        disabled: bool => Implemented,
        /// Manifests.
        manifests: ManifestValidation => Implemented,
    }

    /// Which manifests are taken.
    Section ManifestValidation {
        /// The URLs of layers that are stored elsewhere.
        urls: UrlValidation => Implemented,
        /// The images of an index.
        indexes: IndexValidation => Implemented,
    }

    /// The URLs that layers may have, as regular expressions.
    Section UrlValidation {
        /// A URL has to match one of these.
        allow: Vec<String> => Implemented,
        /// A URL must not match any of these.
        deny: Vec<String> => Implemented,
    }

    /// Which images of an index have to be there (3.x).
    Section IndexValidation {
        /// All of them, none, or those of `platformlist`.
        platforms: Platforms => Implemented,
        /// Platforms whose images have to be there.
        platformlist: Vec<Platform> => Implemented,
    }

    /// A platform.
    Section Platform {
        /// Such as `amd64`.
        architecture: String => Implemented,
        /// Such as `linux`.
        os: String => Implemented,
    }

    /// What may be stored.
    Section Policy {
        /// In repositories.
        repository: RepositoryPolicy => Implemented,
    }

    /// What may be stored in repositories.
    Section RepositoryPolicy {
        /// Classes of content, such as `image` and `plugin`, that tokens have to allow.
        classes: Vec<String> => Implemented,
    }
}

choice! {
    /// Which images of an index have to be there.
    Platforms {
        /// All of them.
        #[default]
        All = "all",
        /// None.
        None = "none",
        /// Those of certain platforms.
        List = "list",
    }
}

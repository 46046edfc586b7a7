//! `proxy`: a cache of another registry.

use crate::{Duration, Secret, keys::Support::Implemented, macros::section};

section! {
    /// A cache of another registry.
    Section Proxy {
        /// The other registry.
        remoteurl: String => Implemented,
        /// The user there.
        username: String => Implemented,
        /// That user's password.
        password: Secret => Implemented,
        /// A program that gives both (3.x).
        exec: ProxyExec => Implemented,
        /// How long content is kept; 0: for ever (3.x).
        ttl: Duration => Implemented,
        /// How long storing a blob may take (3.x).
        cachewritetimeout: Duration => Implemented,
    }

    /// A program that gives a user and a password.
    Section ProxyExec {
        /// The program.
        command: String => Implemented,
        /// How long what it gives is used.
        lifetime: Duration => Implemented,
    }
}

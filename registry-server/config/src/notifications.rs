//! `notifications`: events about pushes and pulls, sent to others.

use crate::{Duration, RequestHeaders, keys::Support::Implemented, macros::section};

section! {
    /// Events about pushes and pulls, sent to others.
    Section Notifications {
        /// What events hold.
        events env "EventConfig": Events => Implemented,
        /// Whom they are sent to.
        endpoints: Vec<Endpoint> => Implemented,
    }

    /// What events hold.
    Section Events {
        /// The descriptors that a manifest refers to.
        includereferences: bool => Implemented,
    }

    /// Whom events are sent to.
    Section Endpoint {
        /// Its name.
        name: String => Implemented,
        /// Leaves it out.
        disabled: bool => Implemented,
        /// Where events are posted.
        url: String => Implemented,
        /// Sent with each request.
        headers: RequestHeaders => Implemented,
        /// How long a request may take.
        timeout: Duration => Implemented,
        /// How many failures in a row make it wait.
        threshold: i64 => Implemented,
        /// How long it waits then.
        backoff: Duration => Implemented,
        /// Media types of which no events are sent; the old form of `ignore.mediatypes`.
        ignoredmediatypes: Vec<String> => Implemented,
        /// Of what no events are sent.
        ignore: Ignore => Implemented,
    }

    /// Of what no events are sent.
    Section Ignore {
        /// Media types.
        mediatypes: Vec<String> => Implemented,
        /// Actions: `push`, `pull`, `mount`, `delete`.
        actions: Vec<String> => Implemented,
    }
}

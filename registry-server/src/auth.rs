//! Who sends a request (`identify`, may wait for a password check) and what they may do (`authorize`, pure and quick).
//!
//! Does not know routes, status codes or bodies: `http/error.rs` turns a [`Refused`] into a response.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};

use crate::oci::Repository;

/// What a request wants to do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read blobs, manifests, tags and referrers.
    Pull,
    /// Upload blobs and manifests, move tags.
    Push,
    /// Delete blobs, manifests and tags.
    Delete,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        })
    }
}

/// The one who sends a request: a user whose password was right, or nobody in particular.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal(Option<Arc<str>>);

impl Principal {
    /// A request without credentials, or any request while no authentication is configured.
    pub const ANONYMOUS: Self = Self(None);

    /// The user called `name`, whose password was checked.
    pub fn user(name: impl Into<Arc<str>>) -> Self {
        Self(Some(name.into()))
    }

    /// The user's name; `None` for an anonymous request.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// Why a request is not let through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Credentials are missing or wrong: 401 with `challenge` as `WWW-Authenticate`.
    #[error("authentication required")]
    Unauthenticated {
        /// The value of `WWW-Authenticate`.
        challenge: HeaderValue,
    },
    /// The principal is known and lacks the right: 403 DENIED.
    #[error("{action} of repository {repository} is not allowed")]
    Denied {
        /// What was asked for.
        action: Action,
        /// The repository it was asked for.
        repository: String,
    },
    /// The principal may not pull anything, so there is nothing to list: 403 DENIED.
    #[error("listing the catalog is not allowed")]
    CatalogDenied,
    /// Too many wrong passwords for this user from this peer: 429.
    #[error("too many failed logins, try again in {} s", retry_after.as_secs())]
    Throttled {
        /// When another attempt will be looked at, for `Retry-After`; whole seconds, at least one.
        retry_after: Duration,
    },
    /// More password checks are waiting than can be done soon: 503.
    #[error("too many logins at once, try again in {} s", retry_after.as_secs())]
    Overloaded {
        /// When it is worth trying again, for `Retry-After`; whole seconds, at least one.
        retry_after: Duration,
    },
}

/// Decides about every request. Cheap to clone; clones share users, rules and caches.
#[derive(Debug, Clone)]
pub struct Gate(());

impl Gate {
    /// No authentication and no rules: everybody may do everything.
    pub fn open() -> Self {
        Self(())
    }

    /// Finds out who sends the request from its `Authorization` header. A request without one is anonymous.
    ///
    /// # Errors
    /// Wrong credentials, too many of them, or too many password checks at once.
    #[expect(clippy::unused_async, reason = "a password check waits for the hashing pool")]
    pub async fn identify(&self, _headers: &HeaderMap, _peer: Option<IpAddr>) -> Result<Principal, Refused> {
        Ok(Principal::ANONYMOUS)
    }

    /// Whether `principal` may call `/v2/` itself.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] for an anonymous request while there are users: Docker and others send credentials
    /// only after this endpoint has asked for them.
    pub fn authorize_base(&self, _principal: &Principal) -> Result<(), Refused> {
        Ok(())
    }

    /// Whether `principal` may list the catalog, in which only repositories belong that it [`may`](Self::may) pull.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] or [`Refused::CatalogDenied`] when there is nothing it may pull.
    pub fn authorize_catalog(&self, _principal: &Principal) -> Result<(), Refused> {
        Ok(())
    }

    /// Whether `principal` may do `action` in `repository`.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] when logging in could help, [`Refused::Denied`] when it could not.
    pub fn authorize(&self, principal: &Principal, action: Action, repository: &Repository) -> Result<(), Refused> {
        if self.may(principal, action, repository) {
            return Ok(());
        }
        Err(Refused::Denied { action, repository: repository.as_str().to_owned() })
    }

    /// [`authorize`](Self::authorize) as a yes or no, for filtering lists and choosing sources of mounts.
    pub fn may(&self, _principal: &Principal, _action: Action, _repository: &Repository) -> bool {
        true
    }
}

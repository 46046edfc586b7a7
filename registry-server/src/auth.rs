//! Who sends a request (`identify`, may wait for a password check) and what they may do (`authorize`, pure and quick).
//!
//! Does not know routes, status codes or bodies: `http/error.rs` turns a [`Refused`] into a response.
//!
//! # Logging in and anonymous rules
//! While there are users, `/v2/` answers 401 to a request without credentials, even if rules give anonymous requests some
//! rights: Docker's own client asks there and sends its password only after it was asked. containerd (so kubelet too) and
//! crane pull without credentials all the same; only Docker's classic image store needs `docker login` even for what
//! everybody may pull.

mod basic;
mod htpasswd;
mod logins;
mod pattern;
mod policy;
mod throttle;
mod verify;

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, HeaderValue};

use self::{basic::Header, logins::Logins, policy::Policy};
use crate::{
    metrics,
    oci::Repository,
    reload::{Poll, Reloading},
};

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
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    logins: Option<Logins>,
    policy: Option<Arc<Reloading<Policy>>>,
}

/// Why there is no gate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The htpasswd file cannot be used.
    #[error("failed to load users: {reason}; make the file with `htpasswd -Bbn USER PASSWORD > {}`", path.display())]
    Users {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The access file cannot be used.
    #[error("failed to load access rules {}: {reason}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        reason: String,
    },
    /// The system gives no random bytes.
    #[error("failed to get random bytes from the system")]
    Random,
}

impl Gate {
    /// No authentication and no rules: everybody may do everything.
    pub fn open() -> Self {
        Self(Arc::new(Inner { logins: None, policy: None }))
    }

    /// A gate with the users and the rules of these files.
    ///
    /// # Errors
    /// When one of the files cannot be read, or the rules not be parsed.
    pub(crate) fn new(
        users: Option<&crate::config::Htpasswd>,
        policy: Option<&Path>,
        metrics: metrics::Auth,
    ) -> Result<Self, Error> {
        let logins = users.map(|settings| Logins::new(settings, metrics)).transpose()?;
        let policy = policy.map(open_policy).transpose()?;
        if let (None, Some(policy)) = (&logins, &policy)
            && !policy.current().concerns_anonymous()
        {
            tracing::warn!("access rules without auth.htpasswd: nobody can log in, and no rule says anonymous: true");
        }
        Ok(Self(Arc::new(Inner { logins, policy: policy.map(Arc::new) })))
    }

    /// What is to be read again when it changes.
    pub(crate) fn reloading(&self) -> Vec<Arc<dyn Poll>> {
        let users = self.0.logins.iter().map(|logins| logins.users());
        let policy = self.0.policy.iter().map(|policy| Arc::clone(policy) as Arc<dyn Poll>);
        users.chain(policy).collect()
    }

    /// SHA-256 in hex of the users' file in force; `None` without one.
    pub(crate) fn users_sha256(&self) -> Option<String> {
        self.0.logins.as_ref().map(Logins::users_sha256)
    }

    /// SHA-256 in hex of the access file in force; `None` without one.
    pub(crate) fn policy_sha256(&self) -> Option<String> {
        self.0.policy.as_ref().map(|policy| policy.current().sha256.clone())
    }

    /// Finds out who sends the request from its `Authorization` header. A request without one is anonymous.
    ///
    /// # Errors
    /// Wrong credentials, too many of them, or too many password checks at once.
    pub async fn identify(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Principal, Refused> {
        let Some(logins) = &self.0.logins else { return Ok(Principal::ANONYMOUS) };
        match basic::read(headers) {
            Header::Absent => Ok(Principal::ANONYMOUS),
            Header::Malformed => Err(logins.unauthenticated()),
            Header::Basic(credentials) => logins.identify(credentials, peer).await,
        }
    }

    /// Whether `principal` may call `/v2/` itself.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] for an anonymous request while there are users: Docker and others send credentials
    /// only after this endpoint has asked for them.
    pub fn authorize_base(&self, principal: &Principal) -> Result<(), Refused> {
        match &self.0.logins {
            Some(logins) if principal.name().is_none() => Err(logins.unauthenticated()),
            _ => Ok(()),
        }
    }

    /// Whether `principal` may list the catalog, in which only repositories belong that it [`may`](Self::may) pull.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] or [`Refused::CatalogDenied`] when there is nothing it may pull.
    pub fn authorize_catalog(&self, principal: &Principal) -> Result<(), Refused> {
        let allowed = match &self.0.policy {
            Some(policy) => policy.current().allows_somewhere(principal, Action::Pull),
            None => self.may_without_rules(principal),
        };
        if allowed { Ok(()) } else { Err(self.refusal(principal, Refused::CatalogDenied)) }
    }

    /// Whether `principal` may do `action` in `repository`.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] when logging in could help, [`Refused::Denied`] when it could not.
    pub fn authorize(&self, principal: &Principal, action: Action, repository: &Repository) -> Result<(), Refused> {
        if self.may(principal, action, repository) {
            return Ok(());
        }
        let denied = Refused::Denied { action, repository: repository.as_str().to_owned() };
        Err(self.refusal(principal, denied))
    }

    /// [`authorize`](Self::authorize) as a yes or no, for filtering lists and choosing sources of mounts.
    pub fn may(&self, principal: &Principal, action: Action, repository: &Repository) -> bool {
        match &self.0.policy {
            Some(policy) => policy.current().allows(principal, action, repository.as_str()),
            None => self.may_without_rules(principal),
        }
    }

    /// Whether there may be a repository whose name begins with `prefix`, up to a `/`, in which `principal` may do `action`.
    pub fn may_below(&self, principal: &Principal, action: Action, prefix: &str) -> bool {
        match &self.0.policy {
            Some(policy) => policy.current().allows_below(principal, action, prefix),
            None => self.may_without_rules(principal),
        }
    }

    /// Without rules, whoever could log in and did may do everything, as in the reference.
    fn may_without_rules(&self, principal: &Principal) -> bool {
        self.0.logins.is_none() || principal.name().is_some()
    }

    fn refusal(&self, principal: &Principal, denied: Refused) -> Refused {
        match &self.0.logins {
            Some(logins) if principal.name().is_none() => logins.unauthenticated(),
            _ => denied,
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("logins", &self.0.logins.is_some())
            .field("policy", &self.0.policy.is_some())
            .finish()
    }
}

fn open_policy(path: &Path) -> Result<Reloading<Policy>, Error> {
    Reloading::open("access", vec![path.to_owned()], |contents| {
        let content = &contents[0];
        let text = std::str::from_utf8(&content.bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        Policy::parse(text, content.sha256())
    })
    .map_err(|reason| Error::Policy { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests;

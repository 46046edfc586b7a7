//! Step three: keys, certificates, passwords and hashes, made only where they are missing or due.
//!
//! The decisions are pure and live in [`crate::pki`] and [`crate::credentials`]; here their results meet entropy. Everything runs
//! on a thread that may block: a hash takes tens of milliseconds, an RSA key up to a second.

mod certificate;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

pub use self::certificate::Served;
use super::registry::{Auth, Credentials, Generated, Registry, Stored, User, Users};
use crate::{
    credentials::{
        Line, Password, Source, hashing,
        password::random_text,
        rotation::{self, Outcome},
    },
    names::RegistryName,
    pki::{self, renewal},
};

/// Why something could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate.
    #[error("failed to issue the certificate of {registry}")]
    Certificate {
        /// Whose certificate.
        registry: RegistryName,
        /// What went wrong.
        #[source]
        source: pki::Error,
    },
    /// A hash.
    #[error("failed to hash the password of user {user} of {registry}")]
    Hash {
        /// Whose user.
        registry: RegistryName,
        /// Name of the user.
        user: String,
        /// What went wrong.
        #[source]
        source: bcrypt::BcryptError,
    },
    /// A password.
    #[error("failed to get random bytes from the system")]
    Random,
    /// The thread has died.
    #[error("failed to finish issuing")]
    Thread(#[from] tokio::task::JoinError),
}

/// All that is secret in the children.
#[derive(Debug)]
pub struct Material {
    /// What is served; `None` without TLS, or while the user's certificate cannot be used.
    pub certificate: Option<Served>,
    /// The generated users; `None` where there are none.
    pub generated: Option<[GeneratedUser; 2]>,
    /// The htpasswd file.
    pub lines: Vec<Line>,
    /// When one of its lines goes.
    pub next_line_goes: Option<Timestamp>,
    /// The key that signs the state of uploads.
    pub http_secret: String,
    /// What a person would want to know.
    pub occurrences: Vec<Occurrence>,
}

/// A generated user.
#[derive(Debug)]
pub struct GeneratedUser {
    /// Name.
    pub name: &'static str,
    /// What Secret `<name>-credentials` holds.
    pub stored: Vec<u8>,
    /// What the pull or push Secret tells clients; `None` when no usable password was ever there.
    pub published: Option<Password>,
}

/// What has happened in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// A leaf was issued.
    CertificateIssued {
        /// Why.
        reason: renewal::ReissueReason,
        /// Until when it is valid.
        not_after: Timestamp,
    },
    /// An authority was made, and clients have one more to trust.
    AuthorityCreated,
    /// A user's password is another one.
    PasswordChanged {
        /// Name of the user.
        user: String,
    },
    /// Namespaces have got a copy of the pull Secret.
    PullSecretCopied {
        /// Names of the namespaces.
        namespaces: Vec<String>,
    },
    /// Namespaces have lost theirs.
    PullSecretRemoved {
        /// Names of the namespaces.
        namespaces: Vec<String>,
    },
    /// The pull or push Secret has the new password.
    PasswordPublished {
        /// Name of the user.
        user: String,
    },
}

/// Makes what is missing or due.
///
/// # Errors
/// When the system gives no random bytes or a name cannot be written into a certificate.
pub async fn issue(registry: Arc<Registry>, grace: SignedDuration, now: Timestamp) -> Result<Material, Error> {
    tokio::task::spawn_blocking(move || material(&registry, grace, now)).await?
}

pub(super) fn material(registry: &Registry, grace: SignedDuration, now: Timestamp) -> Result<Material, Error> {
    let mut occurrences = Vec::new();
    let certificate = certificate::served(registry, grace, now, &mut occurrences)
        .map_err(|source| Error::Certificate { registry: registry.name.clone(), source })?;
    let Logins { generated, lines, next_line_goes } = logins(registry, grace, now, &mut occurrences)?;
    let http_secret = registry.http_secret.clone().map_or_else(random_text, Ok).map_err(|_| Error::Random)?;
    Ok(Material { certificate, generated, lines, next_line_goes, http_secret, occurrences })
}

/// What lets users in.
#[derive(Default)]
struct Logins {
    generated: Option<[GeneratedUser; 2]>,
    lines: Vec<Line>,
    next_line_goes: Option<Timestamp>,
}

fn logins(
    registry: &Registry,
    grace: SignedDuration,
    now: Timestamp,
    occurrences: &mut Vec<Occurrence>,
) -> Result<Logins, Error> {
    let credentials = &registry.credentials;
    match &registry.auth {
        Auth::Disabled => Ok(Logins::default()),
        Auth::Users { users: Users::File(lines), .. } => Ok(Logins { lines: lines.clone(), ..Logins::default() }),
        Auth::Unchanged { .. } => {
            Ok(Logins { generated: unchanged(credentials), lines: credentials.lines.clone(), next_line_goes: None })
        }
        Auth::Users { users: Users::Managed(users), .. } => {
            let passwords = passwords(credentials)?;
            let wanted = wanted_users(credentials, users, &passwords);
            let outcomes = outcomes(registry, &wanted, occurrences)?;
            let lines = &credentials.lines;
            let next = rotation::advance(lines, &wanted, &outcomes, credentials.loaded, now, grace);
            let generated = publish(credentials, &passwords, &outcomes, occurrences);
            Ok(Logins { generated: Some(generated), lines: next.lines, next_line_goes: next.next })
        }
    }
}

/// The generated users as they are, if there are any.
fn unchanged(credentials: &Credentials) -> Option<[GeneratedUser; 2]> {
    let [pull, push] = &credentials.generated;
    let kept = |user: &Generated| {
        let stored = user.stored.value()?.to_vec();
        Some(GeneratedUser { name: user.name, stored, published: user.published.clone() })
    };
    Some([kept(pull)?, kept(push)?])
}

/// A generated user's password: the one kept, or a new one. `None` is one that cannot be used.
type GeneratedPassword = Option<(Password, Source)>;

fn passwords(credentials: &Credentials) -> Result<[GeneratedPassword; 2], Error> {
    let [pull, push] = &credentials.generated;
    Ok([generated_password(pull)?, generated_password(push)?])
}

fn generated_password(user: &Generated) -> Result<GeneratedPassword, Error> {
    Ok(match &user.stored {
        Stored::Good { password, source, .. } => Some((password.clone(), source.clone())),
        Stored::Unusable(_) => None,
        // The Secret has no version before it is written: the next pass finds one, verifies once, and records it.
        Stored::Missing => {
            let source = Source { uid: String::new(), resource_version: String::new(), key: user.name.to_owned() };
            Some((Password::generate().map_err(|_| Error::Random)?, source))
        }
    })
}

fn wanted_users(
    credentials: &Credentials,
    users: &[User],
    generated: &[GeneratedPassword; 2],
) -> Vec<rotation::Wanted> {
    let own = credentials
        .generated
        .iter()
        .zip(generated)
        .map(|(user, password)| rotation::Wanted { user: user.name.to_owned(), password: password.clone() });
    let spec = users.iter().map(|user| rotation::Wanted { user: user.name.clone(), password: user.password.clone() });
    own.chain(spec).collect()
}

fn outcomes(
    registry: &Registry,
    wanted: &[rotation::Wanted],
    occurrences: &mut Vec<Occurrence>,
) -> Result<BTreeMap<String, Outcome>, Error> {
    let mut outcomes = BTreeMap::new();
    for work in rotation::work(&registry.credentials.lines, wanted) {
        let outcome = hashing::perform(&work).map_err(|source| Error::Hash {
            registry: registry.name.clone(),
            user: work.user.clone(),
            source,
        })?;
        if work.hash.is_some() && matches!(outcome, Outcome::Hashed(_)) {
            occurrences.push(Occurrence::PasswordChanged { user: work.user.clone() });
        }
        outcomes.insert(work.user, outcome);
    }
    Ok(outcomes)
}

/// Clients are told a new password once every Pod accepts it; until then they keep the one they were told.
fn publish(
    credentials: &Credentials,
    passwords: &[GeneratedPassword; 2],
    outcomes: &BTreeMap<String, Outcome>,
    occurrences: &mut Vec<Occurrence>,
) -> [GeneratedUser; 2] {
    let [pull, push] = &credentials.generated;
    let [pull_password, push_password] = passwords;
    [(pull, pull_password), (push, push_password)].map(|(user, password)| {
        let current = password.as_ref().map(|(password, _)| password);
        let accepted = credentials.loaded && !matches!(outcomes.get(user.name), Some(Outcome::Hashed(_)));
        let published = match &user.published {
            Some(told) if !accepted => Some(told),
            told => current.or(told.as_ref()),
        };
        if user.published.is_some() && published != user.published.as_ref() {
            occurrences.push(Occurrence::PasswordPublished { user: user.name.to_owned() });
        }
        let generated = || current.map(|password| password.expose().as_bytes()).unwrap_or_default();
        let stored = user.stored.value().unwrap_or_else(generated).to_vec();
        GeneratedUser { name: user.name, stored, published: published.cloned() }
    })
}

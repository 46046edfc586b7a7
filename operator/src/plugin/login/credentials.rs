//! With what one logs in to a registry: read from the Secret in which the user's password is kept.

use k8s_openapi::api::core::v1::Secret;

use crate::{
    api::v1alpha1::PrivateRegistry,
    credentials::{Password, PasswordError},
    names::{PULL_USER, PUSH_USER, RegistryName, key},
    plugin::cluster::{Cluster, Unseen, name_of},
};

/// A user, its password and where they are good.
#[derive(Debug)]
pub(in crate::plugin) struct Credentials {
    /// The hosts by which images are named; at least one.
    pub(super) hosts: Vec<String>,
    /// The user.
    pub(super) username: String,
    /// The password.
    pub(super) password: Password,
}

/// Why there is nothing to log in with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is asked for a password.
    #[error(
        "PrivateRegistry {0} asks nobody for a password (spec.auth.disabled): there is nothing to log in with, and no need"
    )]
    NobodyIsAsked(RegistryName),
    /// Only hashes are known.
    #[error(
        "the users of PrivateRegistry {registry} are those of the htpasswd file in Secret {secret}, which holds hashes and no \
         passwords: log in with the password you know, as in `docker login`"
    )]
    OnlyHashes {
        /// The registry.
        registry: RegistryName,
        /// The Secret with the file.
        secret: String,
    },
    /// There is no such user.
    #[error("PrivateRegistry {registry} has no user {user}: there are {users}")]
    NoUser {
        /// The registry.
        registry: RegistryName,
        /// The user that was asked for.
        user: String,
        /// Those that there are.
        users: String,
    },
    /// The operator has not told under which host the registry is reached.
    #[error("PrivateRegistry {0} has no endpoint yet: `kubectl preg doctor` says why, or name a host by --host")]
    NoEndpoint(RegistryName),
    /// The Secret is missing.
    #[error(
        "Secret {secret} of user {user} does not exist, or has no key {key}: `kubectl preg status` shows what is missing"
    )]
    NoPassword {
        /// The user.
        user: String,
        /// The Secret.
        secret: String,
        /// The key in it.
        key: String,
    },
    /// What the Secret holds is no password.
    #[error("the key {key} of Secret {secret} is not a password")]
    Password {
        /// The Secret.
        secret: String,
        /// The key in it.
        key: String,
        /// What is wrong with it.
        #[source]
        source: PasswordError,
    },
    /// The Secret cannot be looked at.
    #[error(transparent)]
    Unseen(#[from] Unseen),
}

impl Credentials {
    /// Those of `user`.
    pub(super) async fn of(
        cluster: &Cluster,
        registry: &PrivateRegistry,
        user: &str,
        hosts: Vec<String>,
    ) -> Result<Self, Error> {
        let (secret, key) = kept_in(registry, user)?;
        if hosts.is_empty() {
            return Err(Error::NoEndpoint(name_of(registry)));
        }
        let namespace = cluster.namespace.as_str();
        let found: Option<Secret> = cluster.get(namespace, &secret).await?;
        let secret = format!("{namespace}/{secret}");
        let value = found.and_then(|found| found.data?.remove(&key));
        let Some(value) = value else { return Err(Error::NoPassword { user: user.to_owned(), secret, key }) };
        let password = Password::parse(&value.0).map_err(|source| Error::Password { secret, key, source })?;
        Ok(Self { hosts, username: user.to_owned(), password })
    }
}

/// The Secret and the key in it that hold the password of `user`.
fn kept_in(registry: &PrivateRegistry, user: &str) -> Result<(String, String), Error> {
    let (auth, name) = (&registry.spec.auth, name_of(registry));
    if auth.is_disabled() {
        return Err(Error::NobodyIsAsked(name));
    }
    if let Some(file) = &auth.htpasswd_secret_ref {
        return Err(Error::OnlyHashes { registry: name, secret: file.name.clone() });
    }
    match user {
        PULL_USER => Ok((name.pull_secret(), key::PASSWORD.to_owned())),
        PUSH_USER => Ok((name.push_secret(), key::PASSWORD.to_owned())),
        _ => {
            let known = auth.users.iter().find(|known| known.name == user);
            let reference = known.map(|known| &known.password_secret_ref);
            reference.map(|reference| (reference.name.clone(), reference.key.clone())).ok_or_else(|| {
                let own = auth.users.iter().map(|known| known.name.as_str());
                let users = [PULL_USER, PUSH_USER].into_iter().chain(own).collect::<Vec<_>>().join(", ");
                Error::NoUser { registry: name, user: user.to_owned(), users }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::fixtures::resource;

    #[test]
    fn each_user_s_password_is_where_the_spec_says() {
        let users = resource("{auth: {users: [{name: cook, passwordSecretRef: {name: apron, key: pocket}}]}}");
        let kept = |user| kept_in(&users, user).unwrap();
        assert_eq!(kept("pull"), ("larder-pull".into(), "password".into()));
        assert_eq!(kept("push"), ("larder-push".into(), "password".into()));
        assert_eq!(kept("cook"), ("apron".into(), "pocket".into()));
        let refused = kept_in(&users, "butler").unwrap_err().to_string();
        assert_eq!(refused, "PrivateRegistry kitchen/larder has no user butler: there are pull, push, cook");
    }

    #[test]
    fn where_no_password_is_known_it_says_why() {
        let refused = |spec: &str| kept_in(&resource(spec), "pull").unwrap_err().to_string();
        assert!(refused("{auth: {disabled: true}}").contains("asks nobody for a password"));
        assert!(refused("{auth: {htpasswdSecretRef: {name: guests}}}").contains("Secret guests, which holds hashes"));
    }
}

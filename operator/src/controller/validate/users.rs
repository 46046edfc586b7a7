//! Who may do what: the passwords of the spec's users and of the generated ones.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::{bytes, text};
use crate::{
    api::v1alpha1::{self, Auth},
    controller::{
        observe::Observed,
        registry::{About, Credentials, Generated, Problem, Stored, User},
    },
    credentials::{Password, Source, htpasswd},
    names::{PULL_USER, PUSH_USER, RegistryName, annotation, key},
};

/// The users of the spec with their passwords.
pub(super) fn users(spec: &Auth, name: &RegistryName, observed: &Observed, problems: &mut Vec<Problem>) -> Vec<User> {
    spec.users
        .iter()
        .map(|user| {
            let password = password(user, name, observed).map_err(|problem| problems.push(problem)).ok();
            User { name: user.name.clone(), access: user.access, password }
        })
        .collect()
}

fn password(user: &v1alpha1::User, name: &RegistryName, observed: &Observed) -> Result<(Password, Source), Problem> {
    let reference = &user.password_secret_ref;
    let place = format!("key {} of Secret {}/{}", reference.key, name.namespace, reference.name);
    let problem = |reason, what: String, may_pass| Problem {
        about: About::Credentials,
        reason,
        message: format!("the password of user {}, {place}, {what}", user.name),
        may_pass,
    };
    let secret = observed.referenced.get(&reference.name).and_then(Option::as_deref).ok_or_else(|| {
        problem("SecretNotFound", "cannot be read because the Secret does not exist: create it".to_owned(), true)
    })?;
    let value = bytes(secret, &reference.key)
        .ok_or_else(|| problem("KeyNotFound", "does not exist: add the key to the Secret".to_owned(), true))?;
    let password = Password::parse(value).map_err(|error| problem("InvalidPassword", error.to_string(), false))?;
    Ok((password, source(secret, &reference.key)))
}

/// What the operator keeps of credentials, read back.
pub(super) fn credentials(observed: &Observed, name: &RegistryName, problems: &mut Vec<Problem>) -> Credentials {
    let pull = generated(PULL_USER, observed, observed.pull.as_deref(), name, problems);
    let push = generated(PUSH_USER, observed, observed.push.as_deref(), name, problems);
    let lines = observed.htpasswd.as_deref().map(|secret| {
        let file = text(secret, key::HTPASSWD).unwrap_or_default();
        htpasswd::parse(&file, secret.annotations().get(annotation::HTPASSWD_RECORD).map(String::as_str))
    });
    Credentials { generated: [pull, push], lines: lines.unwrap_or_default(), loaded: observed.loaded.htpasswd }
}

fn generated(
    user: &'static str,
    observed: &Observed,
    told: Option<&Secret>,
    name: &RegistryName,
    problems: &mut Vec<Problem>,
) -> Generated {
    let published = told.and_then(|secret| bytes(secret, key::PASSWORD)).and_then(|value| Password::parse(value).ok());
    let kept = observed.credentials.as_deref().and_then(|secret| Some((secret, bytes(secret, user)?)));
    let stored = kept.map_or(Stored::Missing, |(secret, value)| match Password::parse(value) {
        Ok(password) => Stored::Good { password, source: source(secret, user), value: value.to_vec() },
        Err(error) => {
            problems.push(Problem {
                about: About::Credentials,
                reason: "InvalidPassword",
                message: format!(
                    "the password of the generated user {user}, key {user} of Secret {}/{}, {error}, or delete the key to \
                     have one generated",
                    name.namespace,
                    name.credentials_secret()
                ),
                may_pass: false,
            });
            Stored::Unusable(value.to_vec())
        }
    });
    Generated { name: user, stored, published }
}

fn source(secret: &Secret, key: &str) -> Source {
    Source {
        uid: secret.uid().unwrap_or_default(),
        resource_version: secret.resource_version().unwrap_or_default(),
        key: key.to_owned(),
    }
}

//! Whether Pods find the pull Secret: in the registry's namespace, where it is copied to, and by their service accounts.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::Value;

use super::{accounts, seen, without_endpoint};
use crate::{
    names::key,
    plugin::{
        doctor::{
            finding::{Finding, Level, Part},
            observed::{Copy, Observed},
        },
        words::count,
    },
};

pub(super) fn findings(observed: &Observed) -> Vec<Finding> {
    let auth = &observed.registry.spec.auth;
    if auth.is_disabled() || auth.htpasswd_secret_ref.is_some() {
        let message = "there is no pull Secret, because the spec asks for no generated users";
        return vec![Part::Secrets.ok(message)];
    }
    let own = seen(Part::Secrets, &observed.pull, |pull| vec![of_pull_secret(observed, pull.as_ref())]);
    let copies =
        observed.copies.as_ref().map(|copies| seen(Part::Secrets, copies, |copies| of_copies(observed, copies)));
    own.into_iter().chain(copies.into_iter().flatten()).chain(accounts::findings(observed)).collect()
}

fn of_pull_secret(observed: &Observed, pull: Option<&Secret>) -> Finding {
    let name = format!("{}/{}", observed.name.namespace, observed.name.pull_secret());
    let made = "the operator makes it: see what is said about operator and resource";
    let Some(pull) = pull else { return Part::Secrets.fail(format!("Secret {name} does not exist"), made) };
    let endpoint = observed.registry.status.as_ref().and_then(|status| status.endpoint.clone());
    let Some(endpoint) = endpoint else { return without_endpoint(Part::Secrets) };
    if hosts(pull).contains(&endpoint) {
        Part::Secrets.ok(format!("Secret {name} is good for {endpoint}"))
    } else {
        Part::Secrets
            .fail(format!("Secret {name} says nothing about {endpoint}: Pods that name it do not log in"), made)
    }
}

/// The hosts of which a pull Secret knows the password.
pub(in crate::plugin::doctor) fn hosts(pull: &Secret) -> Vec<String> {
    let config = pull.data.as_ref().and_then(|data| data.get(key::DOCKER_CONFIG));
    let config: Value = config.and_then(|config| serde_json::from_slice(&config.0).ok()).unwrap_or_default();
    config["auths"].as_object().map(|auths| auths.keys().cloned().collect()).unwrap_or_default()
}

fn of_copies(observed: &Observed, copies: &[Copy]) -> Vec<Finding> {
    let pull = observed.pull.as_ref().ok().and_then(Option::as_ref).and_then(|pull| pull.data.as_ref());
    let bad: Vec<_> = copies.iter().filter_map(|copy| of_copy(observed, copy, pull)).collect();
    if bad.iter().any(|finding| finding.level != Level::Ok) {
        return bad;
    }
    let name = observed.name.pull_secret_copy();
    vec![Part::Secrets.ok(format!("Secret {name} is in all {} that are to have it", count(copies.len(), "namespace")))]
}

/// What is wrong with a copy.
fn of_copy(observed: &Observed, copy: &Copy, pull: Option<&BTreeMap<String, ByteString>>) -> Option<Finding> {
    let name = format!("{}/{}", copy.namespace, observed.name.pull_secret_copy());
    let remedy = "CredentialsReady says what keeps the operator from it: a Secret of that name, missing rights, quota";
    let secret = match &copy.secret {
        Err(unseen) => return Some(Part::Secrets.unseen(unseen)),
        Ok(None) => {
            return Some(
                Part::Secrets
                    .fail(format!("Secret {name} does not exist, although its namespace takes copies"), remedy),
            );
        }
        Ok(Some(secret)) => secret,
    };
    let same = pull.is_none_or(|pull| {
        let known = secret.data.as_ref();
        [key::USERNAME, key::PASSWORD, key::AUTHORITY]
            .iter()
            .all(|key| pull.get(*key) == known.and_then(|known| known.get(*key)))
    });
    (!same).then(|| Part::Secrets.fail(format!("Secret {name} is not the same as the pull Secret"), remedy))
}

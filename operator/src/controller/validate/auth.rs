//! Who may do what: everybody, the users that the operator manages, or those of a user's own file, checked line by line.

use super::{Error, bytes, text, users};
use crate::{
    api::v1alpha1::{self, HtpasswdSecretRef},
    controller::{
        observe::Observed,
        registry::{About, Auth, Problem, Users},
    },
    credentials::Line,
    names::{RegistryName, key},
};

/// Lines of a file that are told; one of another kind has something wrong in each.
const TOLD: usize = 3;

pub(super) fn auth(
    spec: &v1alpha1::Auth,
    name: &RegistryName,
    observed: &Observed,
    problems: &mut Vec<Problem>,
) -> Result<Auth, Error> {
    let anonymous_pull = spec.anonymous_pull.unwrap_or_default();
    match (&spec.htpasswd_secret_ref, spec.is_disabled()) {
        (None, true) if spec.users.is_empty() && !anonymous_pull => Ok(Auth::Disabled),
        (_, true) => Err(Error::Union("auth.disabled stands alone")),
        (Some(_), false) if !spec.users.is_empty() => {
            Err(Error::Union("auth takes one of htpasswdSecretRef and users"))
        }
        (Some(reference), false) => Ok(match file(reference, name, observed) {
            Ok(lines) => Auth::Users { users: Users::File(lines), anonymous_pull },
            Err(problem) => {
                problems.push(problem);
                Auth::Unchanged { access: access_in_force(observed) }
            }
        }),
        (None, false) => {
            let users = users::users(spec, name, observed, problems);
            Ok(Auth::Users { users: Users::Managed(users), anonymous_pull })
        }
    }
}

/// access.yml as it is; of a new registry one that allows nothing.
fn access_in_force(observed: &Observed) -> String {
    let access = observed.htpasswd.as_deref().and_then(|secret| text(secret, key::ACCESS));
    access.unwrap_or_else(|| "rules: []\n".to_owned())
}

/// The lines of the user's file, if all of them can be used.
fn file(reference: &HtpasswdSecretRef, name: &RegistryName, observed: &Observed) -> Result<Vec<Line>, Problem> {
    let HtpasswdSecretRef { name: secret, key } = reference;
    let problem = |reason, what: String, may_pass| Problem {
        about: About::Credentials,
        reason,
        message: format!(
            "the htpasswd file, key {key} of Secret {}/{secret}, {what}; until then who may log in does not change",
            name.namespace
        ),
        may_pass,
    };
    let secret = observed.referenced.get(secret).and_then(Option::as_deref).ok_or_else(|| {
        problem("SecretNotFound", "cannot be read because the Secret does not exist: create it".to_owned(), true)
    })?;
    let value = bytes(secret, key)
        .ok_or_else(|| problem("KeyNotFound", "does not exist: add the key to the Secret".to_owned(), true))?;
    lines(value).map_err(|what| problem("InvalidHtpasswd", what, false))
}

fn lines(file: &[u8]) -> Result<Vec<Line>, String> {
    let text = std::str::from_utf8(file).map_err(|_| "cannot be used: it is not UTF-8 text".to_owned())?;
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in registry_config::htpasswd::lines(text) {
        match line {
            Ok(line) => lines.push(Line::of_file(line.user, line.hash)),
            Err(reason) => wrong.push(format!("line {number}: {reason}")),
        }
    }
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(TOLD);
        wrong.truncate(TOLD);
        let more = if more > 0 { format!("; and {more} lines more") } else { String::new() };
        return Err(format!("cannot be used: {}{more}", wrong.join("; ")));
    }
    if lines.is_empty() {
        return Err("has no user: write one with `htpasswd -Bbn USER PASSWORD`".to_owned());
    }
    Ok(lines)
}

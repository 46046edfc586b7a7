//! Who may do what.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_object_name;

/// Who may do what: the generated users `pull` and `push` and users of your own, or a file of your own in place of all of them,
/// or everybody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.htpasswdSecretRef) || !has(self.users) || self.users.size() == 0").message(
        "auth.htpasswdSecretRef is in place of all other users: leave auth.users out, or write these users into the file"),
    validation = Rule::new("!(has(self.disabled) && self.disabled) || !(has(self.htpasswdSecretRef) || \
        (has(self.users) && self.users.size() > 0) || (has(self.anonymousPull) && self.anonymousPull))").message(
        "auth.disabled stands alone: where nobody is asked who they are, users and anonymousPull mean nothing")
)]
pub struct Auth {
    /// Users of your own, beside the generated ones. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub users: Vec<User>,

    /// An htpasswd file of your own, in place of all other users: nothing is generated, and there are no pull and push Secrets. Every
    /// user in it may pull and push, and none may delete. It is read again when it changes. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub htpasswd_secret_ref: Option<HtpasswdSecretRef>,

    /// Whether everybody who reaches the registry may pull without a password, beside what users may do. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous_pull: Option<bool>,

    /// When true, nobody is asked for a password: everybody who reaches the registry may pull and push, and nobody may delete. There
    /// are no users and no pull and push Secrets then. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

impl Auth {
    /// Whether nobody is asked for a password.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.disabled == Some(true)
    }
}

/// Where an htpasswd file is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HtpasswdSecretRef {
    /// Name of a Secret in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(is_object_name("self")).message("htpasswdSecretRef.name must be the name of a Secret in \
        the same namespace: lower case letters, digits, '-' and '.'"))]
    pub name: String,

    /// Key in the Secret whose value is the file: lines with bcrypt hashes as `htpasswd -B` writes them. Every line is checked before
    /// the file is used. Defaults to `htpasswd`.
    #[serde(default = "htpasswd_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn htpasswd_key() -> String {
    "htpasswd".to_owned()
}

/// A user whose password is kept in a Secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Name with which the user logs in: at most 128 letters, digits and `. _ @ + $ -`, starting with a letter or digit.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._@+$-]*$')").message("a user's name consists of letters, \
            digits and . _ @ + $ - and starts with a letter or digit: other characters cannot be written in an htpasswd file"),
        validation = Rule::new("!(self in ['pull', 'push'])")
            .message("the names pull and push belong to the generated users: choose another name")
    )]
    pub name: String,

    /// The password: a key of a Secret in the same namespace. It is read again when it changes.
    pub password_secret_ref: PasswordSecretRef,

    /// What the user may do. Pull, the default, reads; Push also writes; Admin also deletes.
    #[serde(default)]
    pub access: Access,
}

/// Where a password is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSecretRef {
    /// Name of a Secret in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(is_object_name("self")).message("passwordSecretRef.name must be the name of a Secret in \
        the same namespace: lower case letters, digits, '-' and '.'"))]
    pub name: String,

    /// Key in the Secret whose value is the password: 1 to 72 bytes, without NUL; a line feed at the end is not part of it.
    /// Defaults to `password`.
    #[serde(default = "default_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn default_key() -> String {
    "password".to_owned()
}

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Access {
    /// Read.
    #[default]
    Pull,
    /// Read and write.
    Push,
    /// Read, write and delete.
    Admin,
}

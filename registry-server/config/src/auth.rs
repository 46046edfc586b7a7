//! `auth`: how users prove who they are, and `access`: what they may do.

use std::path::PathBuf;

use crate::{
    keys::Support::{Implemented, Refused},
    macros::section,
};

const OTHER: &str = "use auth.htpasswd; nobody would be asked for what this asks for";

section! {
    /// How users prove who they are. One of these.
    Driver Auth {
        /// Names and bcrypt hashes in a file.
        htpasswd: Htpasswd => Implemented,
        /// No authentication, spelled out.
        none: NoAuth => Implemented,
        /// Tokens of another server.
        token: Token => Refused(OTHER),
        /// Any `Authorization` header; for tests of the reference.
        silly: Silly => Refused(OTHER),
    }

    /// Names and bcrypt hashes in a file.
    Section Htpasswd {
        /// What clients show when they ask for a password.
        realm: String = "Registry" => Implemented,
        /// The file; read again when it changes. Required.
        path: PathBuf => Implemented,
    }

    /// No authentication; takes no options.
    Section NoAuth {}

    /// Tokens of another server.
    Section Token {
        /// The URL that gives tokens.
        realm: String => Implemented,
        /// The name of this registry to that server.
        service: String => Implemented,
        /// Who has to have signed a token.
        issuer: String => Implemented,
        /// A file with the certificates that signatures are checked against.
        rootcertbundle: PathBuf => Implemented,
        /// A file with the keys that signatures are checked against, as a JSON Web Key Set.
        jwks: PathBuf => Implemented,
        /// Whether the realm is made from the request's `Host`.
        autoredirect: bool => Implemented,
        /// The path of that realm.
        autoredirectpath: String => Implemented,
        /// The algorithms a signature may have.
        signingalgorithms: Vec<String> => Implemented,
    }

    /// Any `Authorization` header.
    Section Silly {
        /// What clients are told.
        realm: String => Implemented,
        /// What clients are told.
        service: String => Implemented,
    }

    /// Rules about who may do what; a key of this server, unknown to the reference.
    Section Access {
        /// The file with the rules; read again when it changes. Required.
        path: PathBuf => Implemented,
    }
}

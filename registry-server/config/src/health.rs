//! `health`: checks that decide whether the registry serves. While one fails, every request is answered with 503.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{Duration, Secret, keys::Support::Implemented, macros::section};

/// Headers of a request: a name and its values, which may be passwords.
pub type RequestHeaders = BTreeMap<String, Vec<Secret>>;

section! {
    /// Checks that decide whether the registry serves. While one fails, every request is answered with 503.
    Section Health {
        /// The storage.
        storagedriver: StorageDriverHealth => Implemented,
        /// Files that must not exist; making one takes the server out of service.
        file env "FileCheckers": Vec<FileCheck> => Implemented,
        /// URLs that must answer to HEAD.
        http env "HTTPCheckers": Vec<HttpCheck> => Implemented,
        /// Addresses that must accept connections.
        tcp env "TCPCheckers": Vec<TcpCheck> => Implemented,
    }

    /// The storage as a condition of service.
    Section StorageDriverHealth {
        /// Asks the storage.
        enabled: bool = "false" => Implemented,
        /// Time between two checks.
        interval: Duration = "10s" => Implemented,
        /// How many failures in a row take the server out of service.
        threshold: u32 = "1" => Implemented,
    }

    /// A file that must not exist.
    Section FileCheck {
        /// The file.
        file: PathBuf => Implemented,
        /// Time between two checks.
        interval: Duration = "10s" => Implemented,
        /// How many failures in a row take the server out of service.
        threshold: u32 = "1" => Implemented,
    }

    /// A URL that must answer.
    Section HttpCheck {
        /// The URL.
        uri: String => Implemented,
        /// Sent with the request.
        headers: RequestHeaders => Implemented,
        /// The status that is expected.
        statuscode: u16 = "200" => Implemented,
        /// How long the answer may take.
        timeout: Duration = "3s" => Implemented,
        /// Time between two checks.
        interval: Duration = "10s" => Implemented,
        /// How many failures in a row take the server out of service.
        threshold: u32 = "1" => Implemented,
    }

    /// An address that must accept connections.
    Section TcpCheck {
        /// `host:port`.
        addr: String => Implemented,
        /// How long connecting may take.
        timeout: Duration = "3s" => Implemented,
        /// Time between two checks.
        interval: Duration = "10s" => Implemented,
        /// How many failures in a row take the server out of service.
        threshold: u32 = "1" => Implemented,
    }
}

//! A credential helper of Docker: a program that keeps passwords, such as in the desktop's keychain.
//!
//! The protocol is that of docker-credential-helpers: the subcommand `store` reads one JSON object from standard input.

use std::{
    io::{self, ErrorKind, Write as _},
    process::{Command, Output, Stdio},
};

use serde_json::json;

/// Why a helper has not taken a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not installed.
    #[error("{0} is not on PATH: install it, or take it out of the file under credsStore or credHelpers")]
    Missing(String),
    /// It could not be started or spoken to.
    #[error("failed to run {program}")]
    Run {
        /// The helper.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It has ended with an error.
    #[error("{program} says: {said}")]
    Refused {
        /// The helper.
        program: String,
        /// What it has printed.
        said: String,
    },
}

/// Has the helper `docker-credential-<name>` keep a password.
pub(super) fn store(name: &str, host: &str, user: &str, password: &str) -> Result<(), Error> {
    let program = format!("docker-credential-{name}");
    let entry = json!({"ServerURL": host, "Username": user, "Secret": password}).to_string();
    let ended = run(&program, &entry);
    let output = ended.map_err(|source| match source.kind() {
        ErrorKind::NotFound => Error::Missing(program.clone()),
        _ => Error::Run { program: program.clone(), source },
    })?;
    if output.status.success() {
        return Ok(());
    }
    // Helpers tell errors on standard output.
    let said = [output.stdout, output.stderr].concat();
    Err(Error::Refused { program, said: String::from_utf8_lossy(&said).trim().to_owned() })
}

fn run(program: &str, input: &str) -> io::Result<Output> {
    let mut child = Command::new(program)
        .arg("store")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends without reading tells why by its status.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

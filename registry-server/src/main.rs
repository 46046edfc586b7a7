//! Entry point of the registry server.

use std::process::ExitCode;

fn main() -> ExitCode {
    registry_server::args::run(std::env::args_os().collect())
}

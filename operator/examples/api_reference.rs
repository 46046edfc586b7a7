//! Prints the API as Markdown; `make generate` writes it to `operator/api.md`.

#![expect(clippy::print_stdout, reason = "this is what the program is for")]

use private_registry_operator::api::{reference, v1alpha1};

fn main() {
    print!("{}", reference::markdown(&v1alpha1::crd()));
}

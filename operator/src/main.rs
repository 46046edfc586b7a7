//! Entry point of the operator.

use std::io::{Write, stdout};

use private_registry_operator::api::v1alpha1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(stdout().write_all(v1alpha1::crd_yaml()?.as_bytes())?)
}

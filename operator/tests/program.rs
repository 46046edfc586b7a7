//! The program as people start it: what it prints, and what it says when it cannot work.

use std::io::Result;
use std::process::{Command, Output};

use private_registry_operator::api::v1alpha1::crd_yaml;

/// The operator with `arguments`, on a machine that knows no cluster.
fn operator(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_private-registry-operator"));
    command.args(arguments).env_clear().env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command.output()
}

#[test]
fn crd_prints_the_definition() {
    let output = operator(&["crd"]).unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), crd_yaml().unwrap());
}

#[test]
fn without_a_cluster_it_says_how_to_name_one() {
    let output = operator(&["--admin-addr=127.0.0.1:0"]).unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("set KUBECONFIG, or run in a Pod with a ServiceAccount"), "{said}");
}

#[test]
fn a_flag_that_does_not_exist_is_answered_with_one_that_does() {
    let output = operator(&["--server-imag=x"]).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--server-image"), "{said}");
}

//! The operator's account.

use super::{Case, has, has_no};

const KIND: &str = "ServiceAccount";

pub(super) const CASES: &[Case] = &[
    has("", KIND, "/automountServiceAccountToken", "false"),
    has_no("serviceAccount: {create: false, name: warden}", KIND),
    has("serviceAccount: {name: keeper}", KIND, "/metadata/name", "keeper"),
    has("serviceAccount: {annotations: {a: b}}", KIND, "/metadata/annotations", "{a: b}"),
];

#[test]
fn the_account_is_the_one_that_values_name() {
    super::judge("service_account.yaml");
}

//! What may lead to a registry, where that is restricted.

use super::{Case, has, has_no, says};

const KIND: &str = "ValidatingAdmissionPolicy";

pub(super) const CASES: &[Case] = &[
    has_no("", KIND),
    has("exposure: {restricted: true}", KIND, "/spec/failurePolicy", "Fail"),
    has("exposure: {restricted: true}", "ValidatingAdmissionPolicyBinding", "/spec/validationActions", "[Deny]"),
    says("exposure: {restricted: true, allowedHosts: ['*.example.com']}", r#"["*.example.com"].map("#),
    says("exposure: {restricted: true, allowedServiceTypes: [NodePort]}", r#"variables.serviceType in ["NodePort"]"#),
    says("exposure: {restricted: true, allowedAnnotations: [example.com/a]}", r#"["example.com/a"]"#),
];

#[test]
fn the_policy_lists_what_values_allow() {
    super::judge("exposure_policy.yaml");
}

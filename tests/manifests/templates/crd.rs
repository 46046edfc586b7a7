//! The definition.

use super::{Case, has, has_no};

const KIND: &str = "CustomResourceDefinition";
const KEEP: &str = "/metadata/annotations/helm.sh~1resource-policy";

pub(super) const CASES: &[Case] = &[
    has("", KIND, "/metadata/name", "privateregistries.privateregistry.io"),
    has("", KIND, KEEP, "keep"),
    has_no("crds: {enabled: false}", KIND),
    has("crds: {keep: false}", KIND, KEEP, "null"),
    has("crds: {annotations: {example.com/a: b}}", KIND, "/metadata/annotations/example.com~1a", "b"),
];

#[test]
fn the_definition_comes_and_stays_as_values_say() {
    super::judge("crd.yaml");
}

//! What Helm prints after an installation: the next commands, for this installation.
//!
//! `tests/control_plane/notes.rs` types them.

use super::{Case, does_not_say, says};

pub(super) const CASES: &[Case] = &[
    says("", "keeps PrivateRegistry resources in every namespace."),
    says("", "helm test giraffe --namespace zoo"),
    says("", "kubectl create namespace apps\nkubectl apply --namespace apps"),
    says("", "Uninstalling this release leaves every registry running."),
    says("watchNamespaces: [lion, zebra]", "keeps PrivateRegistry resources in lion, zebra."),
    says("watchNamespaces: [lion, zebra]", "kubectl wait --namespace lion "),
    does_not_say("watchNamespaces: [lion, zebra]", "kubectl create namespace"),
    says("crds: {enabled: false}", "has not installed the definition of PrivateRegistry"),
    does_not_say("crds: {enabled: false}", "Uninstalling"),
    says("crds: {keep: false}", "DELETES every registry of the cluster"),
    says("", "Nodes do not know a registry yet"),
    says("nodeTrust: {enabled: true}", "kubectl wait --namespace apps --for=condition=NodesTrusted"),
    says("nodeTrust: {enabled: true, runtimes: [containerd, cri-o]}", "they may have cri-o."),
    says("rbac: {create: false}", "has given the operator no rights"),
];

#[test]
fn the_next_commands_are_those_of_this_installation() {
    super::judge("NOTES.txt");
}

//! Fields that exclude each other, and fields that mean nothing without another.

use super::{refused, says};

#[test]
fn one_kind_of_storage_and_one_kind_of_tls() {
    says(&refused("{storage: {emptyDir: {}, persistentVolumeClaim: {}}}"), "one of persistentVolumeClaim and emptyDir");
    for two in [
        "{selfSigned: {}, secretRef: {name: x}}",
        "{secretRef: {name: x}, disabled: true}",
        "{certManager: {issuerRef: {name: x}}, secretRef: {name: x}}",
        "{certManager: {issuerRef: {name: x}}, disabled: true}",
    ] {
        let answer = refused(&format!("{{tls: {two}}}"));
        says(&answer, "one of selfSigned, secretRef, certManager and disabled: true");
    }
    says(&refused("{storage: {persistentVolumeClaim: {existingClaim: x, size: 1Gi}}}"), "existingClaim stands alone");
}

#[test]
fn one_way_of_saying_who_may_do_what() {
    let cook = "users: [{name: cook, passwordSecretRef: {name: staff}}]";
    let both = refused(&format!("{{auth: {{htpasswdSecretRef: {{name: guests}}, {cook}}}}}"));
    says(&both, "auth.htpasswdSecretRef is in place of all other users: leave auth.users out");
    for other in [cook, "htpasswdSecretRef: {name: guests}", "anonymousPull: true"] {
        says(&refused(&format!("{{auth: {{disabled: true, {other}}}}}")), "auth.disabled stands alone");
    }
}

#[test]
fn a_service_account_is_annotated_by_whoever_has_made_it() {
    let both = "{serviceAccount: {name: courier, annotations: {example.com/a: b}}}";
    says(&refused(both), "serviceAccount takes one of name and annotations");
}

#[test]
fn alerts_need_what_they_are_about() {
    says(&refused("{monitoring: {prometheusRule: {}}}"), "monitoring.prometheusRule needs monitoring.serviceMonitor");
    let interval = refused("{monitoring: {serviceMonitor: {interval: often}}}");
    says(&interval, "serviceMonitor.interval must be a whole number of seconds or minutes");
    for kind in ["serviceMonitor", "prometheusRule"] {
        let labels =
            format!("{{monitoring: {{serviceMonitor: {{}}, {kind}: {{labels: {{app.kubernetes.io/name: x}}}}}}}}");
        let labels = labels.replace("serviceMonitor: {}, serviceMonitor", "serviceMonitor");
        says(&refused(&labels), &format!("{kind}.labels must not start with app.kubernetes.io/"));
    }
}

#[test]
fn a_peer_is_somebody() {
    for peer in ["{}", "{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"] {
        let wanted = "a peer needs podSelector, namespaceSelector, or ipBlock alone";
        says(&refused(&format!("{{networkPolicy: {{allowedPeers: [{peer}]}}}}")), wanted);
        says(&refused(&format!("{{networkPolicy: {{metricsPeers: [{peer}]}}}}")), wanted);
    }
}

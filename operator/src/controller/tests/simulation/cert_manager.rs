//! A certificate that cert-manager issues, cert-manager being played: what it is asked for, what is served meanwhile, and what
//! happens when the spec changes its mind.

use serde_json::json;

use super::{super::fixtures, Cluster, MINUTE, secrets};
use crate::{
    controller::{
        build::build,
        issue::material,
        optional_kinds::OptionalKind,
        registry::{About, Problem},
    },
    pki::{Authority, Certificate, KeyAlgorithm, SubjectNames, Wanted, leaf},
};

const NOTARY: &str = "{tls: {certManager: {issuerRef: {name: notary}}}}";

impl Cluster {
    /// The Certificate that would be applied.
    fn request(&self) -> Option<serde_json::Value> {
        let registry = self.validated();
        let material = material(&registry, fixtures::settings().grace, self.now).unwrap();
        let children = build(&registry, Some(&material)).children.unwrap();
        let child = children.optional.into_iter().find(|child| child.kind == OptionalKind::Certificate)?;
        Some(serde_json::to_value(child.object).unwrap())
    }

    /// What cert-manager does: a pair of its own authority into its own Secret.
    fn issue(&mut self) -> Certificate {
        let authority = Authority::generate(&fixtures::larder(), self.now).unwrap();
        let wanted = Wanted {
            common_name: "larder".into(),
            names: SubjectNames::of_service(["larder.kitchen.svc".into()], []),
            algorithm: KeyAlgorithm::Ecdsa,
            lifetime: MINUTE * 60 * 24 * 90,
            renew_before: MINUTE,
            at_once: false,
        };
        let pair = leaf::issue(&authority, &wanted, self.now).unwrap();
        let values = [("tls.crt", &pair.certificate), ("tls.key", &pair.key), ("ca.crt", &authority.pair.certificate)];
        for (key, value) in values {
            self.write("larder-cert-manager", key, value);
        }
        self.says("True", "Certificate is up to date and has not expired", "False");
        authority.certificate
    }

    fn says(&mut self, ready: &str, message: &str, issuing: &str) {
        self.certificate = Some(json!({
            "conditions": [
                {"type": "Ready", "status": ready, "message": message},
                {"type": "Issuing", "status": issuing, "message": "the issuer is on holiday"},
            ],
            "renewalTime": "2031-07-05T07:08:09Z",
        }));
    }

    fn problem(&self) -> Option<Problem> {
        self.validated().problems.into_iter().find(|problem| problem.about == About::Certificate)
    }
}

#[test]
fn cert_manager_is_asked_for_a_certificate_of_the_service_s_names() {
    let mut cluster = Cluster::settled("{}");
    cluster.certificate = Some(json!({}));
    cluster.spec = NOTARY.to_owned();
    let certificate = cluster.request().unwrap();
    assert_eq!(
        (&certificate["apiVersion"], &certificate["kind"], &certificate["metadata"]["name"]),
        (&json!("cert-manager.io/v1"), &json!("Certificate"), &json!("larder"))
    );
    assert_eq!(certificate["metadata"]["ownerReferences"][0]["uid"], "uid-of-larder");
    assert_eq!(
        certificate["spec"],
        json!({
            "secretName": "larder-cert-manager",
            "secretTemplate": {"labels": fixtures::larder().labels("certificate")},
            "issuerRef": {"name": "notary", "kind": "Issuer", "group": "cert-manager.io"},
            "dnsNames": ["larder", "larder.kitchen", "larder.kitchen.svc", "larder.kitchen.svc.house.example", "localhost"],
            "ipAddresses": ["10.1.2.3", "127.0.0.1", "::1"],
            "duration": "129600m",
            "renewBefore": "43200m",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth"],
        })
    );

    cluster.spec = "{tls: {certManager: {issuerRef: {name: acme, kind: ClusterIssuer}, serviceNames: false,
        dnsNames: [registry.example.com], algorithm: RSA, duration: 2h, renewBefore: 30m}}}"
        .to_owned();
    let spec = cluster.request().unwrap()["spec"].clone();
    assert_eq!((&spec["dnsNames"], &spec["ipAddresses"]), (&json!(["registry.example.com"]), &json!(null)));
    assert_eq!((&spec["duration"], &spec["renewBefore"]), (&json!("120m"), &json!("30m")));
    assert_eq!(spec["issuerRef"]["kind"], "ClusterIssuer");
    assert_eq!(spec["usages"], json!(["digital signature", "key encipherment", "server auth"]));
}

#[test]
fn without_cert_manager_the_last_certificate_is_served_and_the_condition_says_what_to_do() {
    let mut cluster = Cluster::settled("{}");
    let leaf = cluster.leaf();
    cluster.spec = NOTARY.to_owned();
    assert_eq!(cluster.request(), None);
    cluster.pass();
    assert_eq!(cluster.leaf(), leaf);
    let problem = cluster.problem().unwrap();
    assert_eq!((problem.reason, problem.may_pass), ("KindNotInstalled", true));
    assert_eq!(
        problem.message,
        "spec.tls.certManager asks for Certificate, but the cluster does not know certificates.cert-manager.io: install what \
         brings them, or take the field away"
    );
}

#[test]
fn the_condition_says_what_cert_manager_says() {
    let mut cluster = Cluster::settled("{}");
    cluster.spec = NOTARY.to_owned();
    cluster.certificate = Some(json!(null));
    assert_eq!(
        cluster.problem().unwrap().message,
        "cert-manager has not answered yet; kubectl describe certificate larder"
    );

    cluster.says("False", "Issuing certificate as Secret does not exist", "True");
    assert_eq!(cluster.problem().unwrap().reason, "WaitingForCertificate");
    cluster.says("False", "Issuing certificate as Secret does not exist", "False");
    let problem = cluster.problem().unwrap();
    assert_eq!((problem.reason, problem.may_pass), ("CertificateNotReady", true));
    assert_eq!(
        problem.message,
        "cert-manager says that the certificate is not ready: Issuing certificate as Secret does not exist; the issuer is on \
         holiday; kubectl describe certificate larder"
    );

    cluster.issue();
    assert_eq!(cluster.problem(), None);
    let (material, _) = cluster.pass();
    assert_eq!(material.certificate.unwrap().renewal_time, Some("2031-07-05T07:08:09Z".parse().unwrap()));

    cluster.write("larder-cert-manager", "tls.key", b"nonsense");
    let leaf = cluster.leaf();
    assert_eq!(cluster.problem().unwrap().reason, "InvalidCertificate");
    cluster.pass();
    assert_eq!(cluster.leaf(), leaf, "the last good one is served");
}

#[test]
fn the_secret_of_cert_manager_s_is_owned_and_not_written() {
    let mut cluster = Cluster::settled("{}");
    cluster.spec = NOTARY.to_owned();
    cluster.issue();
    let registry = cluster.validated();
    let material = material(&registry, fixtures::settings().grace, cluster.now).unwrap();
    let issued = build(&registry, Some(&material)).children.unwrap().issued.unwrap();
    assert_eq!((issued.data, issued.type_), (None, None));
    assert_eq!(issued.metadata.uid.as_deref(), Some("uid-of-larder-cert-manager"));
    assert_eq!(issued.metadata.owner_references.unwrap()[0].name, "larder");
}

#[test]
fn whoever_keeps_the_certificate_may_change_on_a_live_registry() {
    let mut cluster = Cluster::settled("{}");
    let (own_leaf, own) = (cluster.leaf(), cluster.authorities());

    // Until cert-manager has issued, the operator's is served; then both authorities are published until Pods have the new one.
    cluster.spec = NOTARY.to_owned();
    cluster.certificate = Some(json!(null));
    cluster.pass();
    assert_eq!((cluster.leaf(), cluster.authorities()), (own_leaf, own.clone()));
    let notary = cluster.issue();
    cluster.pass();
    assert!(cluster.leaf().is_signed_by(&notary));
    assert_eq!(cluster.authorities(), [vec![notary.clone()], own].concat());
    cluster.pass();
    assert_eq!(cluster.authorities(), std::slice::from_ref(&notary));
    assert_eq!(cluster.value("larder-pull", "ca.crt"), cluster.value("larder-tls", "ca.crt"));

    // cert-manager renews with another authority.
    let renewed = cluster.issue();
    cluster.pass();
    assert!(cluster.leaf().is_signed_by(&renewed));
    assert_eq!(cluster.authorities(), [renewed.clone(), notary]);

    // Back: the operator's new authority is published before it signs, and cert-manager's Secret goes.
    cluster.spec = "{}".to_owned();
    cluster.pass();
    assert!(cluster.leaf().is_signed_by(&renewed) && !cluster.secrets.contains_key("larder-cert-manager"));
    cluster.wait(MINUTE * 5);
    cluster.pass();
    assert!(cluster.leaf().is_signed_by(&cluster.authorities()[0]) && !cluster.leaf().is_signed_by(&renewed));

    // Plain HTTP has no certificate, and TLS again makes one.
    cluster.spec = "{tls: {disabled: true}}".to_owned();
    let registry = cluster.validated();
    let material = material(&registry, fixtures::settings().grace, cluster.now).unwrap();
    let children = build(&registry, Some(&material)).children.unwrap();
    assert!(secrets(children).iter().all(|secret| secret.metadata.name.as_deref() != Some("larder-tls")));
    cluster.spec = "{}".to_owned();
    cluster.settle();
    assert!(cluster.leaf().is_signed_by(&cluster.authorities()[0]));
}

//! The Secrets of certificates: the authority with its key, which no Pod mounts, and the leaf that the server serves; and what
//! cert-manager is asked for.

use jiff::SignedDuration;
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use serde_json::json;

use super::data;
use crate::{
    controller::{
        issue::Material,
        optional_kinds::{OptionalChild, OptionalKind},
        registry::{Registry, Tls},
    },
    names::{annotation, key},
    pki::KeyAlgorithm,
};

/// The type whose keys every tool knows.
const TLS: &str = "kubernetes.io/tls";

pub(super) fn authority(registry: &Registry, material: &Material) -> Option<Secret> {
    let authority = material.certificate.as_ref()?.authority.as_ref()?;
    Some(Secret {
        metadata: registry.child_metadata(registry.name.ca_secret(), "certificate"),
        type_: Some(TLS.to_owned()),
        data: Some(data([
            (key::CERTIFICATE, authority.certificate.clone()),
            (key::PRIVATE_KEY, authority.key.clone()),
        ])),
        ..Secret::default()
    })
}

pub(super) fn certificate(registry: &Registry, material: &Material) -> Option<Secret> {
    let served = material.certificate.as_ref()?;
    let mut data =
        data([(key::CERTIFICATE, served.pair.certificate.clone()), (key::PRIVATE_KEY, served.pair.key.clone())]);
    data.extend(served.authorities.clone().map(|bundle| (key::AUTHORITY.to_owned(), ByteString(bundle))));
    let renewal = served.renewal.clone().map(|value| [(annotation::RENEW.to_owned(), value)].into());
    let metadata = registry.child_metadata(registry.name.tls_secret(), "certificate");
    Some(Secret {
        metadata: ObjectMeta { annotations: renewal, ..metadata },
        type_: Some(TLS.to_owned()),
        data: Some(data),
        ..Secret::default()
    })
}

/// What cert-manager is asked for. Its Secret carries our labels, so that the watches tell whose it is.
pub(super) fn cert_manager(registry: &Registry) -> Option<OptionalChild> {
    let Tls::CertManager(tls) = &registry.tls else { return None };
    let (issuer, wanted) = tls.request.as_ref().map(|request| (&request.issuer, &request.wanted))?;
    let (algorithm, size, encipherment) = match wanted.algorithm {
        KeyAlgorithm::Ecdsa => ("ECDSA", 256, None),
        // TLS 1.2 clients that know nothing newer encrypt to the key.
        KeyAlgorithm::Rsa => ("RSA", 2048, Some("key encipherment")),
    };
    let usages: Vec<_> = ["digital signature"].into_iter().chain(encipherment).chain(["server auth"]).collect();
    let mut spec = json!({
        "secretName": registry.name.issued_secret(),
        "secretTemplate": {"labels": registry.name.labels("certificate")},
        "issuerRef": issuer,
        "duration": go_duration(wanted.lifetime),
        "renewBefore": go_duration(wanted.renew_before),
        "privateKey": {"algorithm": algorithm, "size": size, "rotationPolicy": "Always"},
        "usages": usages,
    });
    let names = [("dnsNames", json!(wanted.names.dns)), ("ipAddresses", json!(wanted.names.ip))];
    for (field, names) in names.into_iter().filter(|(_, names)| *names != json!([])) {
        spec[field] = names;
    }
    Some(OptionalKind::Certificate.child(registry.child_metadata(registry.name.workload(), "certificate"), spec))
}

/// A length of time as Go writes it.
fn go_duration(time: SignedDuration) -> String {
    format!("{}m", time.as_mins())
}

/// The Secret that cert-manager has made becomes a child, and goes with the resource. Not a word of its data; the uid keeps it from
/// being made anew by this, as a Secret of another type, when it was deleted a moment ago.
pub(super) fn issued(registry: &Registry) -> Option<Secret> {
    let Tls::CertManager(tls) = &registry.tls else { return None };
    let metadata = registry.child_metadata(registry.name.issued_secret(), "certificate");
    Some(Secret { metadata: ObjectMeta { uid: Some(tls.secret.clone()?), ..metadata }, ..Secret::default() })
}

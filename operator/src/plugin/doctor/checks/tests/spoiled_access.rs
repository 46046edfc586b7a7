//! Spoiled: whom clients trust, how they log in, and the Pods that pull.

use super::{
    Case,
    healthy::{HOST, accounts, certificate, pull_secret, secret},
};
use crate::plugin::doctor::{
    observed::{Answer, Copy, Users},
    pulls::Failing,
};

pub(super) const CASES: &[Case] = &[
    (
        |seen| seen.certificate = Ok(None),
        "fail  certificate",
        "Secret kitchen/larder-tls does not exist",
        "the operator",
    ),
    (
        |seen| seen.registry.status = None,
        "warn  certificate",
        "the status names no endpoint so far",
        "see what is said about operator and resource",
    ),
    (
        |seen| seen.registry.status = None,
        "warn  secrets",
        "the status names no endpoint so far",
        "operator and resource",
    ),
    (
        |seen| seen.certificate = Ok(Some(certificate(&seen.name, "pantry.example", 60))),
        "fail  certificate",
        "do not take the certificate for larder.kitchen.svc.house.example",
        "CertificateReady",
    ),
    (
        |seen| seen.certificate = Ok(Some(certificate(&seen.name, HOST, -1))),
        "fail  certificate",
        "until 2031-05-05 (24 hours ago), and not now",
        "CertificateReady",
    ),
    (
        |seen| seen.certificate = Ok(Some(certificate(&seen.name, HOST, 3))),
        "warn  certificate",
        "it ends soon",
        "CertificateReady",
    ),
    (
        |seen| {
            let [mut served, other] = [HOST, HOST].map(|host| certificate(&seen.name, host, 60));
            served
                .data
                .as_mut()
                .unwrap()
                .extend(other.data.unwrap().remove("ca.crt").map(|ca| ("ca.crt".to_owned(), ca)));
            seen.certificate = Ok(Some(served));
        },
        "fail  certificate",
        "clients that trust ca.crt do not take the certificate",
        "CertificateReady",
    ),
    (
        |seen| seen.answer = Some(Ok(Answer::Status { code: 401, logged_in: true })),
        "fail  answer",
        "does not take the password in Secret larder-pull",
        "in a minute",
    ),
    (
        |seen| seen.answer = Some(Ok(Answer::Broken("connection reset".into()))),
        "fail  answer",
        "connection reset",
        "kubectl logs",
    ),
    (|seen| seen.pull = Ok(None), "fail  secrets", "Secret kitchen/larder-pull does not exist", "the operator"),
    (
        |seen| seen.pull = Ok(Some(secret(&[]))),
        "fail  secrets",
        "says nothing about larder.kitchen.svc.house.example",
        "the operator",
    ),
    (
        |seen| seen.copies = Some(Ok(vec![Copy { namespace: "hall".into(), secret: Ok(None) }])),
        "fail  secrets",
        "Secret hall/larder.kitchen.pull does not exist",
        "CredentialsReady",
    ),
    (
        |seen| {
            let old = secret(&[("username", b"pull".to_vec()), ("password", b"old".to_vec())]);
            seen.copies = Some(Ok(vec![Copy { namespace: "hall".into(), secret: Ok(Some(old)) }]));
        },
        "fail  secrets",
        "is not the same as the pull Secret",
        "CredentialsReady",
    ),
    (
        |seen| seen.accounts = accounts("cook", &[("kitchen", "theirs")]),
        "fail  secrets",
        "ServiceAccount kitchen/cook does not name Secret larder-pull under imagePullSecrets",
        "CredentialsReady",
    ),
    (
        |seen| {
            seen.copies = Some(Ok(vec![Copy { namespace: "hall".into(), secret: Ok(Some(pull_secret())) }]));
            seen.accounts = accounts("cook", &[("kitchen", "larder-pull"), ("hall", "larder-pull")]);
        },
        "fail  secrets",
        "ServiceAccount hall/cook does not name Secret larder.kitchen.pull",
        "Pods have to be made anew",
    ),
    (
        |seen| seen.accounts = accounts("cook", &[("attic", "theirs")]),
        "warn  secrets",
        "there is no ServiceAccount cook where the pull Secret is",
        "correct spec.pullSecrets.serviceAccounts",
    ),
    (
        |seen| {
            let failing = Failing {
                pod: "hall/app".into(),
                node: "node shelf".into(),
                image: "larder/app:1".into(),
                said: "x509: certificate signed by unknown authority".into(),
                pull_secrets: vec![],
            };
            seen.users = Ok(Users { count: 1, failing: vec![failing], only: None, more: false });
        },
        "fail  pods",
        "Pod hall/app on node shelf cannot get larder/app:1: the node does not trust the registry's authority",
        "kubectl preg ca",
    ),
    (
        |seen| seen.users = Ok(Users { only: Some("kitchen".into()), ..Users::default() }),
        "warn  pods",
        "only Pods of namespace kitchen were looked at",
        "ask somebody who may",
    ),
];

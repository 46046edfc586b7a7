use std::sync::Arc;

use crate::{
    controller::{
        observe::Observed,
        optional_kinds::{OptionalKind, Unavailable},
        registry::{About, Auth, Problem, Storage, Stored, Tls, User, Users},
        tests::fixtures::{larder, observed, observed_behind, resource, secret, settings, try_validated, validated},
    },
    pki::{Authority, Current, leaf},
};

use super::*;

fn only_problem(registry: &Registry) -> &Problem {
    let [problem] = registry.problems.as_slice() else { panic!("one problem in {:?}", registry.problems) };
    problem
}

fn refused(spec: &str) -> String {
    try_validated(spec, &observed()).unwrap_err().to_string()
}

fn users_of(registry: &Registry) -> &[User] {
    match &registry.auth {
        Auth::Users { users: Users::Managed(users), .. } => users,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_spec_is_complete() {
    let registry = validated("{}");
    assert_eq!(registry.image.reference, "example.com/store:9");
    assert_eq!(registry.service.port, 443);
    assert_eq!(registry.image_hosts(), ["larder.kitchen.svc.house.example", "larder.kitchen.svc", "larder.kitchen"]);
    let Storage::Claim { size, storage_class_name: None, .. } = &registry.storage else { panic!("{registry:?}") };
    assert_eq!(size.0, "10Gi");
    let Tls::SelfSigned(tls) = &registry.tls else { panic!("{registry:?}") };
    assert!(matches!(tls.current, Current::Missing));
    let hosts: Vec<_> = tls.wanted.names.dns.iter().map(String::as_str).collect();
    let wanted = ["larder", "larder.kitchen", "larder.kitchen.svc", "larder.kitchen.svc.house.example", "localhost"];
    assert_eq!(hosts, wanted);
    let addresses: Vec<_> = tls.wanted.names.ip.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.1.2.3", "127.0.0.1", "::1"]);
    assert!(registry.problems.is_empty());
}

#[test]
fn images_are_named_with_a_port_that_is_not_the_schemes_own() {
    assert_eq!(validated("{service: {port: 8443}}").image_hosts()[0], "larder.kitchen.svc.house.example:8443");
    assert_eq!(validated("{tls: {disabled: true}}").image_hosts()[2], "larder.kitchen");
    assert_eq!(validated("{tls: {disabled: true}, service: {port: 443}}").image_hosts()[2], "larder.kitchen:443");
}

#[test]
fn the_certificate_names_every_address_of_the_service_and_what_a_load_balancer_gave_it() {
    let given = serde_json::json!([{"hostname": "LB-7.cloud.example"}, {"ip": "192.0.2.7"}, {"ip": "2001:db8::7"},
        {"hostname": "not a host", "ip": "nor an address"}]);
    let observed = observed_behind(&given);
    let registry = try_validated("{service: {type: LoadBalancer, port: 5443}}", &observed).unwrap();
    let Tls::SelfSigned(tls) = &registry.tls else { panic!("{registry:?}") };
    assert!(tls.wanted.names.dns.contains("lb-7.cloud.example"));
    let addresses: Vec<_> = tls.wanted.names.ip.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.1.2.3", "127.0.0.1", "192.0.2.7", "::1", "2001:db8::7", "fd00::3"]);
    assert_eq!(registry.external_hosts(), ["lb-7.cloud.example:5443", "192.0.2.7:5443", "[2001:db8::7]:5443"]);

    let inside = try_validated("{}", &observed).unwrap();
    assert!(inside.external_hosts().is_empty(), "what a load balancer gave before the type changed is no longer true");
}

#[test]
fn a_kind_that_cannot_be_had_is_a_problem_that_may_pass() {
    let mut observed = observed();
    observed.optional.unavailable = [
        (OptionalKind::Ingress, Unavailable::Forbidden),
        (OptionalKind::PodDisruptionBudget, Unavailable::NotInstalled),
    ]
    .into();
    let registry = try_validated("{ingress: {host: pantry.example}}", &observed).unwrap();
    let problem = only_problem(&registry);
    assert_eq!((problem.reason, problem.about, problem.may_pass), ("KindForbidden", About::Exposure, true));
    assert_eq!(
        problem.message,
        "spec.ingress asks for Ingress, but the operator's role does not allow ingresses.networking.k8s.io: add them to it, or \
         take the field away"
    );
    assert!(registry.external_hosts().is_empty(), "no name for what does not exist");

    let registry = try_validated("{podDisruptionBudget: {}}", &observed).unwrap();
    assert_eq!(only_problem(&registry).reason, "KindNotInstalled");
    assert_eq!(registry.exposure.max_unavailable, None);
    assert!(try_validated("{}", &observed).unwrap().problems.is_empty(), "nobody asks for them");
}

#[test]
fn a_host_of_an_ingress_is_in_the_certificate_and_comes_first_outside() {
    let observed = observed_behind(&serde_json::json!([{"ip": "192.0.2.7"}]));
    let spec = "{service: {type: LoadBalancer, port: 5443}, ingress: {host: pantry.example}}";
    let registry = try_validated(spec, &observed).unwrap();
    let Tls::SelfSigned(tls) = &registry.tls else { panic!("{registry:?}") };
    assert!(tls.wanted.names.dns.contains("pantry.example"));
    assert_eq!(registry.external_hosts(), ["pantry.example", "192.0.2.7:5443"]);
}

#[test]
fn lengths_of_time_are_days_hours_or_minutes() {
    let Tls::SelfSigned(tls) = validated("{tls: {selfSigned: {duration: 90m, renewBefore: 1h}}}").tls else { panic!() };
    assert_eq!(tls.wanted.lifetime, SignedDuration::from_mins(90));
    assert_eq!(tls.wanted.renew_before, SignedDuration::from_hours(1));
    for duration in ["3 weeks", "90", "d", "-1d", "1.5h", "ü", ""] {
        let spec = format!("{{tls: {{selfSigned: {{duration: {duration:?}}}}}}}");
        assert!(refused(&spec).starts_with("spec.tls.selfSigned.duration: "), "{}", refused(&spec));
    }
}

#[test]
fn what_an_older_crd_let_through_is_refused_here() {
    assert_eq!(
        refused("{tls: {selfSigned: {duration: 20d}}}"),
        "spec.tls.selfSigned: renewBefore must be shorter than duration, and duration between 1h and 1825d"
    );
    assert_eq!(
        refused("{tls: {disabled: true, secretRef: {name: x}}}"),
        "spec.tls takes one of selfSigned, secretRef, certManager and disabled: true"
    );
    assert_eq!(
        refused("{storage: {emptyDir: {}, persistentVolumeClaim: {}}}"),
        "spec.storage takes one of persistentVolumeClaim and emptyDir, not both"
    );
    assert_eq!(
        refused("{tls: {selfSigned: {ipAddresses: [here]}}}"),
        "spec.tls.selfSigned.ipAddresses: \"here\" is not an address"
    );
}

const COOK: &str = "{auth: {users: [{name: cook, passwordSecretRef: {name: staff, key: pin}}]}}";

fn with_staff(data: &[(&str, &[u8])]) -> Registry {
    let mut observed = observed();
    observed.referenced.insert("staff".into(), Some(secret("staff", "12", data)));
    try_validated(COOK, &observed).unwrap()
}

#[test]
fn a_password_is_read_with_the_version_it_came_from() {
    let registry = with_staff(&[("pin", b"pepper\n")]);
    let (password, source) = users_of(&registry)[0].password.as_ref().unwrap();
    assert_eq!(password.expose(), "pepper");
    assert_eq!(
        (source.uid.as_str(), source.resource_version.as_str(), source.key.as_str()),
        ("uid-of-staff", "12", "pin")
    );
}

#[test]
fn a_missing_secret_or_key_is_named() {
    let mut missing = observed();
    missing.referenced.insert("staff".into(), None);
    let registry = try_validated(COOK, &missing).unwrap();
    let problem = only_problem(&registry);
    assert_eq!((problem.about, problem.reason, problem.may_pass), (About::Credentials, "SecretNotFound", true));
    assert_eq!(
        problem.message,
        "the password of user cook, key pin of Secret kitchen/staff, cannot be read because the Secret does not exist: create it"
    );
    assert!(users_of(&registry)[0].password.is_none(), "the user's last good lines are kept");

    let no_key = with_staff(&[("password", b"pepper")]);
    assert_eq!(only_problem(&no_key).reason, "KeyNotFound");
    assert!(only_problem(&no_key).message.contains("key pin of Secret kitchen/staff"));
}

#[test]
fn a_password_that_cannot_be_one_has_to_be_corrected() {
    let registry = with_staff(&[("pin", &[b'x'; 80])]);
    let problem = only_problem(&registry);
    assert_eq!((problem.reason, problem.may_pass), ("InvalidPassword", false));
    assert_eq!(
        problem.message,
        "the password of user cook, key pin of Secret kitchen/staff, has 80 bytes: bcrypt reads 72 at most, write a shorter one"
    );
}

#[test]
fn a_generated_password_is_the_person_s_to_change() {
    let mut observed = observed();
    observed.credentials = Some(secret("larder-credentials", "8", &[("pull", b"mine\n"), ("push", b"")]));
    let registry = try_validated("{}", &observed).unwrap();
    let [pull, push] = &registry.credentials.generated;
    assert!(matches!(&pull.stored, Stored::Good { value, .. } if value == b"mine\n"), "{pull:?}");
    assert!(matches!(&push.stored, Stored::Unusable(value) if value.is_empty()), "{push:?}");
    assert!(only_problem(&registry).message.contains("key push of Secret kitchen/larder-credentials, is empty"));
}

/// A leaf of its own, as the user's Secret `badge` would hold it.
fn badge(now: Timestamp) -> Arc<k8s_openapi::api::core::v1::Secret> {
    let Tls::SelfSigned(tls) = validated("{}").tls else { panic!() };
    let authority = Authority::generate(&larder(), now).unwrap();
    let pair = leaf::issue(&authority, &tls.wanted, now).unwrap();
    secret(
        "badge",
        "5",
        &[("tls.crt", &pair.certificate), ("tls.key", &pair.key), ("ca.crt", &authority.pair.certificate)],
    )
}

const BADGE: &str = "{tls: {secretRef: {name: badge}}}";

fn with_badge(badge: Option<Arc<k8s_openapi::api::core::v1::Secret>>, served: Observed) -> Registry {
    let mut observed = served;
    observed.referenced.insert("badge".into(), badge);
    validate(&resource(BADGE), &observed, &settings(), crate::controller::tests::fixtures::now()).unwrap()
}

#[test]
fn a_certificate_of_the_user_s_is_taken_with_its_authority() {
    let registry = with_badge(Some(badge(crate::controller::tests::fixtures::now())), observed());
    let Tls::Provided(Some(provided)) = &registry.tls else { panic!("{registry:?}") };
    assert!(provided.authorities.is_some());
    assert!(registry.problems.is_empty());
}

/// It is published: to nodes, in pull Secrets and for routes.
#[test]
fn a_key_that_stands_beside_an_authority_goes_no_further() {
    let mut secret = badge(crate::controller::tests::fixtures::now()).as_ref().clone();
    let data = secret.data.as_mut().unwrap();
    let both = [&data["ca.crt"].0[..], b"as I keep it\n", &data["tls.key"].0].concat();
    let authority = data.insert("ca.crt".into(), k8s_openapi::ByteString(both)).unwrap().0;
    let registry = with_badge(Some(Arc::new(secret)), observed());
    let Tls::Provided(Some(provided)) = &registry.tls else { panic!("{registry:?}") };
    assert_eq!(provided.authorities.as_ref(), Some(&authority));
}

#[test]
fn a_malformed_certificate_leaves_the_last_good_one_in_service() {
    let good = badge(crate::controller::tests::fixtures::now());
    let malformed = secret("badge", "6", &[("tls.crt", b"not a certificate"), ("tls.key", b"")]);
    let registry = with_badge(Some(malformed.clone()), Observed { tls: Some(good), ..observed() });
    assert!(matches!(registry.tls, Tls::Provided(Some(_))));
    let problem = only_problem(&registry);
    assert_eq!((problem.about, problem.reason, problem.may_pass), (About::Certificate, "InvalidCertificate", false));
    assert_eq!(
        problem.message,
        "Secret badge, named by spec.tls.secretRef, cannot be served: failed to read the certificate: no PEM block CERTIFICATE \
         in it; put a certificate and its key into tls.crt and tls.key"
    );

    let first = with_badge(Some(malformed), observed());
    assert!(matches!(first.tls, Tls::Provided(None)), "there is nothing to serve yet");
}

#[test]
fn a_certificate_that_does_not_exist_is_named_and_one_that_has_expired_is_served() {
    let registry = with_badge(None, observed());
    assert_eq!((only_problem(&registry).reason, only_problem(&registry).may_pass), ("SecretNotFound", true));

    let old = crate::controller::tests::fixtures::now() - SignedDuration::from_hours(100 * 24);
    let registry = with_badge(Some(badge(old)), observed());
    assert!(matches!(registry.tls, Tls::Provided(Some(_))));
    assert_eq!(only_problem(&registry).reason, "CertificateExpired");
}

#[test]
fn a_secret_of_ours_that_cannot_be_read_counts_as_missing() {
    let mut observed = observed();
    let damaged = secret(
        "larder-x",
        "1",
        &[("tls.crt", b"-----BEGIN"), ("tls.key", &[0xff]), ("ca.crt", b"?"), ("htpasswd", &[0xff])],
    );
    for slot in [&mut observed.ca, &mut observed.tls, &mut observed.htpasswd, &mut observed.http, &mut observed.pull] {
        *slot = Some(Arc::clone(&damaged));
    }
    let registry = try_validated("{}", &observed).unwrap();
    let Tls::SelfSigned(tls) = &registry.tls else { panic!() };
    assert!(tls.authority.is_none());
    assert!(matches!(tls.current, Current::Unreadable(_)));
    assert!(
        registry.trust.published.is_empty() && registry.credentials.lines.is_empty() && registry.http_secret.is_none()
    );
    assert!(registry.problems.is_empty(), "nobody has to correct what the operator makes again");
}

#[test]
fn a_claim_of_somebody_else_s_has_to_exist() {
    let spec = "{storage: {persistentVolumeClaim: {existingClaim: attic}}}";
    let registry = try_validated(spec, &observed()).unwrap();
    assert_eq!(registry.storage, Storage::ExistingClaim("attic".into()));
    assert_eq!(only_problem(&registry).reason, "ClaimNotFound");
    assert!(only_problem(&registry).message.contains("PersistentVolumeClaim attic"));

    let there = Observed { claim: Some(Arc::default()), ..observed() };
    assert!(try_validated(spec, &there).unwrap().problems.is_empty());
}

const FILE: &str = "{auth: {htpasswdSecretRef: {name: guests}}}";
const HASH: &str = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// What becomes of a user's own file.
fn with_file(file: Option<&str>) -> Registry {
    let guests = file.map(|file| secret("guests", "7", &[("htpasswd", file.as_bytes())]));
    let mut observed = observed();
    observed.referenced.insert("guests".into(), guests);
    try_validated(FILE, &observed).unwrap()
}

#[test]
fn a_file_of_the_user_s_own_is_taken_when_every_line_of_it_can_be_used() {
    let registry = with_file(Some(&format!("# guests\namy:{HASH}\nbob:{HASH}\n")));
    let Auth::Users { users: Users::File(lines), anonymous_pull: false } = &registry.auth else { panic!() };
    assert_eq!(lines.iter().map(|line| line.user.as_str()).collect::<Vec<_>>(), ["amy", "bob"]);
    assert!(registry.problems.is_empty());
}

#[test]
fn a_file_with_a_line_that_cannot_be_used_changes_nothing_and_the_line_is_named() {
    let registry = with_file(Some(&format!("amy:{HASH}\nbob:$apr1$x$y\n")));
    assert!(matches!(&registry.auth, Auth::Unchanged { access } if access == "rules: []\n"), "{:?}", registry.auth);
    let problem = only_problem(&registry);
    assert_eq!((problem.about, problem.reason, problem.may_pass), (About::Credentials, "InvalidHtpasswd", false));
    assert_eq!(
        problem.message,
        "the htpasswd file, key htpasswd of Secret kitchen/guests, cannot be used: line 2: the password of user \"bob\" is \
         hashed with MD5, which is not accepted; replace the line by the output of `htpasswd -Bbn bob PASSWORD`; until then \
         who may log in does not change"
    );
    assert!(only_problem(&with_file(Some("a\nb\nc\nd\n"))).message.contains("; and 1 lines more; until then"));
    assert!(only_problem(&with_file(Some("# nobody\n"))).message.contains("has no user: write one with"));
}

#[test]
fn a_file_that_does_not_exist_is_waited_for() {
    assert_eq!(
        (only_problem(&with_file(None)).reason, only_problem(&with_file(None)).may_pass),
        ("SecretNotFound", true)
    );
    let mut observed = observed();
    observed.referenced.insert("guests".into(), Some(secret("guests", "7", &[("other", b"")])));
    assert_eq!(only_problem(&try_validated(FILE, &observed).unwrap()).reason, "KeyNotFound");
}

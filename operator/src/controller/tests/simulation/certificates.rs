//! Certificates over years: what is served, what clients are told to trust, and what a clock that jumps does to both.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Cluster, DAY, MINUTE, build, fixtures, material};
use crate::{
    controller::{
        issue::{Material, Occurrence},
        optional_kinds::OptionalKind,
    },
    names::{RegistryName, annotation},
    pki::{Authority, KeyAlgorithm, ReissueReason, SubjectNames, Wanted, leaf},
};

/// The passwords' hashes are costly: the properties share one cluster.
static SETTLED: LazyLock<Cluster> = LazyLock::new(|| Cluster::settled("{}"));

impl Cluster {
    /// Whether a client that reads ca.crt now accepts the leaf.
    fn is_trusted(&self) -> bool {
        let leaf = self.leaf();
        let signer = self.authorities().into_iter().find(|authority| leaf.is_signed_by(authority));
        leaf.is_valid_at(self.now) && signer.is_some_and(|signer| signer.is_valid_at(self.now))
    }

    fn annotate(&mut self, value: &str) {
        self.annotations.insert(annotation::RENEW.to_owned(), value.to_owned());
    }

    /// Lets time pass until the next thing is to be done, and does it.
    fn next(&mut self) -> Material {
        let next = self.pass().0.certificate.unwrap().next.unwrap();
        assert!(next > self.now, "there was something to do at {}, and nothing was done at {}", next, self.now);
        self.now = next;
        self.pass().0
    }
}

fn reissued(material: &Material) -> Option<ReissueReason> {
    material.occurrences.iter().find_map(|occurrence| match occurrence {
        Occurrence::CertificateIssued { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[test]
fn a_leaf_is_renewed_when_it_is_due_and_the_authority_stays() {
    let mut cluster = Cluster::settled("{}");
    let (leaf, authorities) = (cluster.leaf(), cluster.authorities());
    cluster.wait(DAY * 60 - MINUTE);
    assert_eq!(cluster.pass().1, 0);
    cluster.wait(MINUTE);
    let (material, _) = cluster.pass();
    assert_eq!((reissued(&material), material.occurrences.len()), (Some(ReissueReason::Due), 1));
    assert_ne!(cluster.leaf(), leaf);
    assert_eq!(cluster.authorities(), authorities);
    assert_eq!(cluster.pass().1, 0);
}

#[test]
fn a_new_name_is_in_a_new_leaf_of_the_same_authority() {
    let mut cluster = Cluster::settled("{}");
    let authorities = cluster.authorities();
    cluster.spec = "{tls: {selfSigned: {dnsNames: [pantry.example], ipAddresses: ['2001:db8::7']}}}".to_owned();
    let (_, changed) = cluster.pass();
    assert_eq!(changed, 1, "the certificate's Secret alone");
    let SubjectNames { dns, ip } = cluster.leaf().names;
    assert!(dns.contains("pantry.example") && ip.contains(&"2001:db8::7".parse().unwrap()));
    assert_eq!(cluster.authorities(), authorities);
}

#[test]
fn each_new_value_of_the_annotation_renews_the_leaf_once() {
    let mut cluster = Cluster::settled("{}");
    for value in ["today", "2031-05-06"] {
        let leaf = cluster.leaf();
        cluster.annotate(value);
        assert_eq!(reissued(&cluster.pass().0), Some(ReissueReason::Requested));
        assert_ne!(cluster.leaf(), leaf);
        assert_eq!(cluster.pass().1, 0, "once");
    }
    // Taken away, it asks for nothing; given again, it does.
    cluster.annotations.clear();
    let leaf = cluster.leaf();
    cluster.settle();
    assert_eq!(cluster.leaf(), leaf);
    cluster.annotate("today");
    cluster.settle();
    assert_ne!(cluster.leaf(), leaf);
}

#[test]
fn a_registry_that_is_made_with_the_annotation_is_not_issued_for_twice() {
    let mut cluster = Cluster::with("{}");
    cluster.annotate("today");
    assert_eq!(reissued(&cluster.pass().0), Some(ReissueReason::Missing));
    let leaf = cluster.leaf();
    cluster.settle();
    assert_eq!(cluster.leaf(), leaf);
}

#[test]
fn a_new_authority_is_published_beside_the_old_one_before_and_after_the_leaf_changes() {
    let mut cluster = Cluster::settled("{}");
    let (leaf, old) = (cluster.leaf(), cluster.authorities());
    cluster.secrets.remove("larder-ca");
    // It cannot be signed yet by anybody whom clients trust.
    cluster.annotate("meanwhile");

    let (material, _) = cluster.pass();
    assert_eq!(material.occurrences, [Occurrence::AuthorityCreated]);
    assert_eq!(cluster.leaf(), leaf);
    let both = cluster.authorities();
    assert_eq!((both.len(), &both[1]), (2, &old[0]));
    assert_eq!(cluster.value("larder-pull", "ca.crt"), cluster.value("larder-tls", "ca.crt"));
    assert_eq!(material.certificate.unwrap().next, Some(cluster.now + MINUTE * 5), "the pass that changes the leaf");
    assert_eq!(cluster.pass().1, 0);

    // The leaf changes. Pods go on serving the one of the old authority until they have loaded it.
    cluster.wait(MINUTE * 5);
    cluster.pass();
    cluster.loaded = false;
    assert_ne!(cluster.leaf(), leaf);
    assert!(cluster.leaf().is_signed_by(&both[0]));
    for _ in 0..3 {
        cluster.wait(MINUTE);
        assert_eq!((cluster.pass().1, cluster.authorities()), (0, both.clone()));
    }

    cluster.loaded = true;
    cluster.pass();
    assert_eq!(cluster.authorities(), both[..1]);
    assert_eq!(cluster.pass().1, 0);
}

#[test]
fn for_ten_years_and_more_every_leaf_is_trusted_by_who_reads_ca_crt() {
    let mut cluster = Cluster::settled("{}");
    let (start, mut authorities) = (cluster.now, vec![cluster.authorities()[0].clone()]);
    while cluster.now < start + DAY * 365 * 21 {
        let before = cluster.authorities();
        let leaf = cluster.leaf();
        cluster.next();
        assert!(cluster.is_trusted());
        assert!(cluster.leaf().is_signed_by(&before[0]), "its authority was published before it");
        if cluster.leaf() != leaf {
            assert!(leaf.is_valid_at(cluster.now + DAY * 29), "renewed in time");
        }
        let newest = cluster.authorities()[0].clone();
        if !authorities.contains(&newest) {
            authorities.push(newest);
        }
    }
    assert_eq!(authorities.len(), 3, "an authority lives for ten years");
}

#[test]
fn clients_trust_both_certificates_of_a_user_s_until_pods_have_loaded_the_new_one() {
    let mut cluster = Cluster::settled("{}");
    let (leaf, old) = (cluster.leaf(), cluster.authorities());
    let other = Cluster::settled("{}");
    for key in ["tls.crt", "tls.key", "ca.crt"] {
        cluster.write("staff", key, other.value("larder-tls", key).as_bytes());
    }
    cluster.spec = "{tls: {secretRef: {name: staff}}}".to_owned();
    cluster.pass();
    cluster.loaded = false;
    cluster.pass();
    assert_eq!(cluster.leaf(), other.leaf());
    assert_eq!(cluster.authorities(), [other.authorities(), old].concat());
    cluster.loaded = true;
    cluster.pass();
    assert_eq!(cluster.authorities(), other.authorities());

    // And back: the operator's new authority is published first.
    cluster.spec = "{}".to_owned();
    cluster.pass();
    assert_eq!((cluster.leaf(), cluster.authorities().len()), (other.leaf(), 2));
    cluster.wait(MINUTE * 5);
    cluster.pass();
    assert!(cluster.leaf() != other.leaf() && cluster.leaf() != leaf && cluster.is_trusted());
}

#[test]
fn what_stands_before_a_registry_verifies_a_name_that_the_user_s_certificate_has() {
    let mut cluster = Cluster::with("{tls: {secretRef: {name: staff}}, ingress: {host: pantry.example}}");
    let name = RegistryName { namespace: "kitchen".to_owned(), name: "larder".to_owned() };
    let authority = Authority::generate(&name, cluster.now).unwrap();
    let wanted = Wanted {
        common_name: "pantry.example".to_owned(),
        names: SubjectNames { dns: ["pantry.example".to_owned()].into(), ..SubjectNames::default() },
        algorithm: KeyAlgorithm::Ecdsa,
        lifetime: DAY * 90,
        renew_before: DAY * 30,
        at_once: false,
    };
    let pair = leaf::issue(&authority, &wanted, cluster.now).unwrap();
    let written = [("tls.crt", &pair.certificate), ("tls.key", &pair.key), ("ca.crt", &authority.pair.certificate)];
    written.into_iter().for_each(|(key, value)| cluster.write("staff", key, value));

    let registry = cluster.validated();
    let material = material(&registry, fixtures::settings().grace, cluster.now).unwrap();
    let children = build(&registry, Some(&material)).children.unwrap();
    let ingress = children.optional.into_iter().find(|child| child.kind == OptionalKind::Ingress).unwrap();
    let annotations = ingress.object.metadata.annotations.unwrap();
    assert_eq!(annotations["nginx.ingress.kubernetes.io/proxy-ssl-name"], "pantry.example");
    assert_eq!(annotations["haproxy-ingress.github.io/secure-verify-hostname"], "pantry.example");
}

/// Seconds by which a clock jumps: often a little, sometimes by decades, in both directions.
fn jump() -> impl Strategy<Value = i64> {
    prop_oneof![-600_i64..600, -10_000_000_i64..10_000_000, -900_000_000_i64..900_000_000]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the clock does: at every time that it shows, a few passes come to rest, issue at most one leaf, and leave one that is
    /// valid at that time and signed by an authority that clients know and that is valid too.
    #[test]
    fn no_clock_makes_the_operator_serve_what_nobody_accepts_or_issue_in_a_loop(
        jumps in prop::collection::vec((jump(), any::<bool>()), 1..12),
    ) {
        let mut cluster = SETTLED.clone();
        for (seconds, loaded) in jumps {
            let now = (cluster.now.as_second() + seconds).clamp(1_000_000_000, 9_000_000_000);
            (cluster.now, cluster.loaded) = (jiff::Timestamp::from_second(now).unwrap(), loaded);
            let mut issued = 0;
            for pass in 0..=3 {
                let (material, changed) = cluster.pass();
                issued += usize::from(reissued(&material).is_some());
                prop_assert!(pass < 3 || changed == 0, "still changing after three passes");
                prop_assert!(material.certificate.unwrap().next.is_none_or(|next| next > cluster.now));
            }
            prop_assert!(issued <= 1, "{issued} leaves were issued at {}", cluster.now);
            prop_assert!(cluster.is_trusted(), "{:?} at {}", cluster.leaf(), cluster.now);
            prop_assert!(cluster.authorities().len() <= 4);
        }
    }
}

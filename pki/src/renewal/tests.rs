use std::sync::LazyLock;

use proptest::prelude::*;

use super::{
    super::{KeyAlgorithm, Pair, Subject, SubjectNames, leaf},
    *,
};

const OVERLAP: SignedDuration = SignedDuration::from_mins(5);

/// When everything was issued: an arbitrary second.
fn issued() -> Timestamp {
    "2031-05-06T07:08:09Z".parse().unwrap()
}

fn larder() -> Subject {
    Subject { organization: Some("kitchen".into()), common_name: "larder registry CA".into() }
}

fn authority(at: Timestamp) -> Authority {
    Authority::generate(larder(), at).unwrap()
}

fn wanted() -> Wanted {
    Wanted {
        common_name: "larder".into(),
        names: SubjectNames::of_service(["larder.kitchen.svc".into()], ["10.1.2.3".parse().unwrap()]),
        algorithm: KeyAlgorithm::Ecdsa,
        lifetime: SignedDuration::from_hours(90 * 24),
        renew_before: SignedDuration::from_hours(30 * 24),
        at_once: false,
    }
}

fn read(pair: &Pair) -> Current {
    Current::Readable(Certificate::from_pair(pair).unwrap())
}

/// Keys are costly: the properties over clocks share one leaf.
static ISSUED: LazyLock<(Authority, Current)> = LazyLock::new(|| {
    let authority = authority(issued());
    let leaf = read(&leaf::issue(&authority, &wanted(), issued()).unwrap());
    (authority, leaf)
});

fn reason(wanted: &Wanted, now: Timestamp) -> Option<ReissueReason> {
    let (authority, leaf) = &*ISSUED;
    reissue_reason(leaf, wanted, authority, Timestamp::MIN, now)
}

#[test]
fn a_new_leaf_says_what_was_wanted() {
    let leaf = ISSUED.1.certificate().unwrap();
    assert_eq!(leaf.names, wanted().names);
    assert_eq!(leaf.names.dns, ["larder.kitchen.svc", "localhost"].map(String::from).into());
    assert_eq!(leaf.not_before, issued() - BACKDATE);
    assert_eq!(leaf.not_after, issued() + wanted().lifetime);
    assert_eq!(renewal_time(leaf, &wanted()), issued() + SignedDuration::from_hours(60 * 24));
    assert_eq!(leaf.serial_number.len(), "00:".len() * 16 - 1, "{}", leaf.serial_number);
    assert!(leaf.is_signed_by(&ISSUED.0.certificate));
    assert_eq!(reason(&wanted(), issued()), None);
}

#[test]
fn serial_numbers_and_keys_are_new_each_time() {
    let again = leaf::issue(&ISSUED.0, &wanted(), issued()).unwrap();
    assert_ne!(read(&again).certificate().unwrap().serial_number, ISSUED.1.certificate().unwrap().serial_number);
}

#[test]
fn an_rsa_leaf_is_signed_by_the_same_authority() {
    let rsa = Wanted { algorithm: KeyAlgorithm::Rsa, ..wanted() };
    let leaf = read(&leaf::issue(&ISSUED.0, &rsa, issued()).unwrap());
    assert_eq!(reissue_reason(&leaf, &rsa, &ISSUED.0, Timestamp::MIN, issued()), None);
    assert_eq!(reason(&rsa, issued()), Some(ReissueReason::AlgorithmDiffers));
}

#[test]
fn every_difference_has_its_reason() {
    let another_address = Wanted { names: SubjectNames::of_service(["larder.kitchen.svc".into()], []), ..wanted() };
    assert_eq!(reason(&another_address, issued()), Some(ReissueReason::NamesDiffer));
    let longer = Wanted { lifetime: SignedDuration::from_hours(91 * 24), ..wanted() };
    assert_eq!(reason(&longer, issued()), Some(ReissueReason::LifetimeDiffers));
    let (authority, _) = &*ISSUED;
    assert_eq!(
        reissue_reason(&Current::Missing, &wanted(), authority, Timestamp::MIN, issued()),
        Some(ReissueReason::Missing)
    );
    let unreadable = Current::Unreadable(Error::NoKey);
    assert_eq!(
        reissue_reason(&unreadable, &wanted(), authority, Timestamp::MIN, issued()),
        Some(ReissueReason::Unreadable)
    );
}

#[test]
fn a_new_authority_takes_over_once_clients_could_learn_of_it() {
    let (old, leaf) = &*ISSUED;
    let later = issued() + SignedDuration::from_hours(24);
    let new = authority(later);
    let certificate = leaf.certificate().unwrap();
    let both = std::slice::from_ref(&old.certificate);
    let switch = changeover(certificate, &new, both, OVERLAP, later);
    assert_eq!(switch, later + OVERLAP);
    assert_eq!(reissue_reason(leaf, &wanted(), &new, switch, later), None);
    assert_eq!(reissue_reason(leaf, &wanted(), &new, switch, switch), Some(ReissueReason::AnotherAuthority));

    let at_once = Wanted { at_once: true, names: SubjectNames::default(), ..wanted() };
    assert_eq!(reissue_reason(leaf, &at_once, &new, switch, later), None, "clients do not trust its signature yet");
}

#[test]
fn a_new_authority_takes_over_at_once_where_nobody_trusts_the_leaf() {
    let (old, leaf) = &*ISSUED;
    let certificate = leaf.certificate().unwrap();
    let both = std::slice::from_ref(&old.certificate);
    let switch = |published: &[Certificate], now| changeover(certificate, &authority(now), published, OVERLAP, now);
    let now = issued();
    assert_eq!(switch(&[], now), Timestamp::MIN, "its authority was never published");
    assert_eq!(switch(both, now - SignedDuration::from_hours(1)), Timestamp::MIN, "it is not valid yet");
    assert_eq!(switch(both, certificate.not_after), Timestamp::MIN, "it has expired");
    let last_minute = certificate.not_after - SignedDuration::from_mins(1);
    assert_eq!(switch(both, last_minute), certificate.not_after, "it expires before the overlap ends");
}

#[test]
fn a_leaf_from_a_clock_that_was_ahead_is_replaced() {
    let early = issued() - SignedDuration::from_mins(6);
    assert_eq!(reason(&wanted(), early), Some(ReissueReason::NotYetValid));
    assert_eq!(reason(&wanted(), issued() - BACKDATE), None);
    assert!(ISSUED.0.is_due(wanted().lifetime, early), "and so is its authority");
}

#[test]
fn a_person_can_ask_for_another_leaf() {
    assert_eq!(reason(&Wanted { at_once: true, ..wanted() }, issued()), Some(ReissueReason::Requested));
}

#[test]
fn an_authority_is_due_before_a_leaf_would_outlive_it() {
    let (authority, _) = &*ISSUED;
    let lifetime = wanted().lifetime;
    let last = authority.certificate.not_after - lifetime;
    assert!(!authority.is_due(lifetime, last));
    assert!(authority.is_due(lifetime, last + SignedDuration::from_secs(1)));
}

#[test]
fn a_pair_that_does_not_match_is_refused() {
    let (authority, _) = &*ISSUED;
    let other = self::authority(issued());
    let mixed = Pair { certificate: authority.pair.certificate.clone(), key: other.pair.key };
    let error = Certificate::from_pair(&mixed).unwrap_err();
    assert!(matches!(error, Error::Key(_)), "{error}");
}

#[test]
fn pem_is_written_as_it_was_read() {
    let (authority, _) = &*ISSUED;
    assert_eq!(authority.certificate.to_pem().as_bytes(), authority.pair.certificate);
}

proptest! {
    /// Over all clocks: nothing happens between the start of its validity and its renewal time.
    #[test]
    fn a_leaf_is_good_exactly_until_its_renewal_time(seconds in -400_000_000_i64..400_000_000) {
        let now = issued() + SignedDuration::from_secs(seconds);
        let renewal = issued() + SignedDuration::from_hours(60 * 24);
        let due = (now >= renewal).then_some(ReissueReason::Due);
        let early = (now < issued() - BACKDATE).then_some(ReissueReason::NotYetValid);
        prop_assert_eq!(reason(&wanted(), now), early.or(due));
    }

    /// Whenever a leaf is issued, it is not due at once: there is no clock that has anybody issue in a loop.
    #[test]
    fn a_leaf_is_good_when_it_is_issued(seconds in 0_i64..7_000_000_000, minutes in 61_i64..2_628_000, before in 1_i64..2_628_000) {
        let now = Timestamp::from_second(seconds).unwrap();
        let wanted = Wanted {
            lifetime: SignedDuration::from_mins(minutes),
            renew_before: SignedDuration::from_mins(before.min(minutes - 1)),
            ..wanted()
        };
        let leaf = read(&leaf::issue(&ISSUED.0, &wanted, now).unwrap());
        prop_assert_eq!(reissue_reason(&leaf, &wanted, &ISSUED.0, Timestamp::MIN, now), None);
    }

    /// Whatever a person writes into a Secret or a file: an error, never a panic.
    #[test]
    fn reading_never_panics(certificate in any::<Vec<u8>>(), key in any::<Vec<u8>>()) {
        let read = Certificate::from_pair(&Pair { certificate, key });
        prop_assert!(read.is_err());
    }

    /// A damaged certificate is an error too.
    #[test]
    fn a_damaged_certificate_never_panics(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut pair = ISSUED.0.pair.clone();
        let position = position.index(pair.certificate.len());
        pair.certificate[position] = byte;
        let _ = Certificate::from_pair(&pair);
        let _ = Certificate::of_bundle(&pair.certificate);
    }
}

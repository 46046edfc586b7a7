//! What the tests of several steps share: registries to work on, and passes one after another without a client.

pub(crate) mod fixtures;
mod simulation;

use super::*;

#[test]
fn the_wait_doubles_up_to_five_minutes() {
    let waits: Vec<_> = (1..=11).map(|failures| backoff(failures).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(backoff(u32::MAX), LONGEST_BACKOFF);
}

#[test]
fn the_api_server_s_own_words_end_an_error() {
    let answer = kube::core::Status::failure("exceeded quota", "Forbidden").with_code(403);
    let error = Error::Apply(apply::Error::Request {
        verb: "apply",
        kind: "Secret".into(),
        namespace: "kitchen".into(),
        name: "larder-tls".into(),
        source: kube::Error::Api(Box::new(answer)),
    });
    assert_eq!(chain(&error), "failed to apply Secret kitchen/larder-tls: exceeded quota");
}

#[test]
fn an_error_says_its_causes_once() {
    let error = Error::Validate(validate::Error::Lifetime("selfSigned"));
    assert_eq!(
        chain(&error),
        "the spec is not valid: spec.tls.selfSigned: renewBefore must be shorter than duration, and duration between 1h \
         and 1825d"
    );
}

#[test]
fn what_has_passed_is_no_reason_to_look_again() {
    let now: Timestamp = "2031-05-06T07:08:09Z".parse().unwrap();
    let hour = SignedDuration::from_hours(1);
    assert_eq!(earliest([Some(now - hour), Some(now), None], now), None);
    assert_eq!(earliest([Some(now - hour), Some(now + hour * 2), Some(now + hour)], now), Some(hour));
}

#[test]
fn the_pods_are_asked_less_and_less_often() {
    let after = |seconds| ask_again(Duration::from_secs(seconds));
    assert_eq!(after(0), SignedDuration::from_secs(2));
    assert_eq!(after(80), SignedDuration::from_secs(10));
    let day = 86_400.0;
    let (mut elapsed, mut times) = (0.0, 0);
    while elapsed < day {
        elapsed += ask_again(Duration::from_secs_f64(elapsed)).min(LOOK_AGAIN).as_secs_f64();
        times += 1;
    }
    assert!(times < 100, "{times} times a day");
}

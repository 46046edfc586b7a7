use std::sync::Arc;

use http::{Request, Response};
use kube::{Client, client::Body};
use serde_json::json;

use super::*;
use crate::controller::tests::fixtures::{self, larder};

fn answer(used: u64, available: u64, refused: Option<u64>) -> Option<VolumeUse> {
    let answer = json!({
        "volume": {"capacityBytes": 1000, "usedBytes": used, "availableBytes": available, "inodes": 0, "inodesFree": 0},
        "refusedWrites": {"total": 7, "secondsAgo": refused},
    });
    VolumeUse::of(&serde_json::from_value(answer).unwrap())
}

fn full_to(percent: u8) -> VolumeUse {
    VolumeUse { capacity: 100 << 30, available: u64::from(100 - percent) << 30, percent, refused: false }
}

#[test]
fn what_root_keeps_for_itself_is_not_free() {
    assert_eq!(answer(0, 1000, None).unwrap().percent, 0);
    assert_eq!(answer(851, 99, None).unwrap().percent, 90, "as df says it, rounded up");
    assert_eq!(answer(950, 0, None).unwrap().percent, 100);
    let none = json!({"volume": null, "refusedWrites": {"total": 0, "secondsAgo": null}});
    assert_eq!(VolumeUse::of(&serde_json::from_value(none).unwrap()), None, "it keeps images in memory");
}

#[test]
fn inodes_run_out_like_bytes() {
    let answer = json!({
        "volume": {"capacityBytes": 1000, "usedBytes": 1, "availableBytes": 999, "inodes": 100, "inodesFree": 4},
        "refusedWrites": {"total": 0, "secondsAgo": null},
    });
    assert_eq!(VolumeUse::of(&serde_json::from_value(answer).unwrap()).unwrap().percent, 96);
}

#[test]
fn what_did_not_fit_lately_makes_a_volume_full_however_much_is_free() {
    let refused = |ago| answer(500, 500, ago).unwrap().level(Level::Room);
    assert_eq!((refused(Some(0)), refused(Some(300))), (Level::Full, Level::Full));
    assert_eq!((refused(Some(301)), refused(None)), (Level::Room, Level::Room));
}

#[test]
fn a_level_that_was_told_does_not_change_to_and_fro() {
    let levels = |percents: &[u8]| {
        let mut level = Level::Room;
        percents.iter().for_each(|percent| level = full_to(*percent).level(level));
        level
    };
    assert_eq!(levels(&[84]), Level::Room);
    assert_eq!(levels(&[85]), Level::NearlyFull);
    assert_eq!(levels(&[85, 80]), Level::NearlyFull);
    assert_eq!(levels(&[85, 79, 84]), Level::Room);
    assert_eq!(levels(&[98]), Level::NearlyFull);
    assert_eq!(levels(&[99]), Level::Full);
    assert_eq!(levels(&[99, 97]), Level::Full);
    assert_eq!(levels(&[99, 96]), Level::NearlyFull);
    assert_eq!(levels(&[99, 40]), Level::Room, "after the claim has grown");
}

#[test]
fn filling_a_volume_writes_the_status_fifty_times_and_trembling_never() {
    let (mut told, mut writes): (Option<FileSystemStatus>, _) = (None, 0);
    let mut tell = |percent| {
        let next = full_to(percent).told(told.as_ref(), false);
        writes += usize::from(told.as_ref() != Some(&next));
        told = Some(next);
        writes
    };
    let filled = (0..=100).map(&mut tell).last().unwrap();
    assert_eq!(filled, 51);
    assert_eq!((0..200).map(|turn| tell(100 - turn % 2)).last(), Some(filled));
}

#[test]
fn a_status_says_what_a_person_wants_to_know_and_says_it_anew_with_a_new_level() {
    let told = full_to(85).told(None, false);
    assert_eq!(told, FileSystemStatus { capacity: "100Gi".into(), available: "15Gi".into(), used_percent: 85 });
    assert_eq!(full_to(86).told(Some(&told), false), told);
    assert_eq!(full_to(86).told(Some(&told), true).used_percent, 86);
    let grown = VolumeUse { capacity: 101 << 30, ..full_to(85) };
    assert_eq!(grown.told(Some(&told), false).capacity, "101Gi");
}

#[test]
fn pods_are_asked_at_a_pace_and_what_they_said_stays_while_they_are_silent() {
    let (mut known, start) = (Known::default(), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(known.due(after(0)), None, "nobody is known");
    known.pods = vec!["10.1.2.3".parse().unwrap()];
    assert!(known.answered(Some(full_to(40)), start, 0.5), "the first answer is news");
    assert!(known.due(after(299)).is_none() && known.due(after(300)).is_some());
    assert!(!known.answered(Some(full_to(40)), start, 0.0));
    assert!(known.due(after(224)).is_none() && known.due(after(225)).is_some(), "a quarter sooner or later");

    assert!(known.answered(Some(full_to(75)), start, 0.5));
    assert!(known.due(after(60)).is_some(), "more often");
    assert!(!known.answered(None, start, 0.5));
    assert_eq!(known.volume(), Some(full_to(75)));
    assert!(known.answered(Some(VolumeUse { refused: true, ..full_to(75) }), start, 0.5));
}

/// An API server that knows one Pod, whose server has started at `address`, where nobody answers.
fn with_a_pod_at(address: IpAddr) -> Client {
    let container = json!({"name": "registry", "image": "x", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {}}});
    let status = json!({"podIP": address, "containerStatuses": [container]});
    let pods = json!({"metadata": {}, "items": [{"metadata": {"name": "larder-0"}, "status": status}]}).to_string();
    let service = tower::service_fn(move |_: Request<Body>| {
        let answer = Response::builder().body(Body::from(pods.clone().into_bytes()));
        std::future::ready(answer.map_err(tower::BoxError::from))
    });
    Client::new(service, "kitchen")
}

#[tokio::test]
async fn of_a_registry_that_was_stopped_nobody_is_asked_until_it_runs_again() {
    let address = "127.9.9.9".parse().unwrap();
    let context = fixtures::context(&with_a_pod_at(address));
    let asked_after = async |version: &str, available: i32| {
        let status = json!({"metadata": {"resourceVersion": version}, "status": {"availableReplicas": available}});
        let deployment = Some(Arc::new(serde_json::from_value(status).unwrap()));
        let observed = Observed { deployment, ..fixtures::observed() };
        observe(&context, &larder(), &Pods::of(&larder(), &context), &observed).await;
        context.memories.volumes_due(Instant::now() + 2 * SELDOM)
    };
    assert_eq!(asked_after("1", 1).await, [(larder(), vec![address])]);
    assert_eq!(asked_after("2", 0).await, [], "it was stopped");
    assert_eq!(asked_after("3", 0).await, [], "it still is");
    assert_eq!(asked_after("4", 1).await, [(larder(), vec![address])]);
}

#[test]
fn one_that_has_told_nothing_yet_is_asked_again_soon_and_then_less_and_less_often() {
    let (mut known, start) = (Known::default(), Instant::now());
    known.now_of(Some("1".to_owned()), vec!["10.1.2.3".parse().unwrap()]);
    let mut now = start;
    let mut wait = |known: &mut Known, volume| {
        known.answered(volume, now, 0.5);
        let waits = (1..=600).find(|seconds| known.due(now + Duration::from_secs(*seconds)).is_some()).unwrap();
        now += Duration::from_secs(waits);
        waits
    };
    let waits: Vec<_> = (0..10).map(|_| wait(&mut known, None)).collect();
    assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300], "a server without a volume is no burden");
    assert_eq!(wait(&mut known, Some(full_to(40))), 300);
    assert_eq!(wait(&mut known, None), 300, "what it has said is known");

    known = Known { untold: 7, ..Known::default() };
    known.now_of(Some("2".to_owned()), vec!["10.1.2.4".parse().unwrap()]);
    assert_eq!(wait(&mut known, None), 2, "another Pod has just started");
}

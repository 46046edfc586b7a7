//! What is said of the claim and of the room on it.

use super::*;
use crate::controller::{
    registry::About,
    volume::{Level, VolumeUse},
};

const READY: &str = condition::READY;
const STORAGE_READY: &str = condition::STORAGE_READY;

/// A registry whose claim has this status.
fn with_claim(claim: Value, spec: &str) -> PrivateRegistryStatus {
    Cluster { claim, ..Cluster::serving() }.status(spec, None, now())
}

/// A registry whose server says that so much of its volume is taken.
fn full_to(percent: u8, refused: bool, previous: Option<&PrivateRegistryStatus>, spec: &str) -> PrivateRegistryStatus {
    let mut cluster = Cluster::serving();
    let available = u64::from(100 - percent) << 27;
    cluster.observed.volume = Some(VolumeUse { capacity: 100 << 27, available, percent, refused });
    cluster.status(spec, previous, now())
}

fn message(status: &PrivateRegistryStatus) -> &str {
    &status.conditions.iter().find(|condition| condition.type_ == STORAGE_READY).unwrap().message
}

#[test]
fn a_claim_that_grows_says_how_far_it_is() {
    let larger = "{storage: {persistentVolumeClaim: {size: 20Gi}}}";
    let bound = |conditions: Value| {
        with_claim(json!({"phase": "Bound", "capacity": {"storage": "10Gi"}, "conditions": conditions}), larger)
    };
    let growing = bound(json!([]));
    assert_eq!(condition_of(&growing, STORAGE_READY), is("True", "Resizing"));
    assert_eq!(message(&growing), "PersistentVolumeClaim larder is growing from 10Gi to 20Gi");
    assert_eq!(growing.storage.as_ref().unwrap().capacity.as_deref(), Some("10Gi"), "what it has");

    let pending = bound(json!([{"type": "FileSystemResizePending", "status": "True"}]));
    assert_eq!(condition_of(&pending, STORAGE_READY), is("True", "FileSystemResizePending"));
    assert!(message(&pending).contains("kubectl delete pod -l app.kubernetes.io/instance=larder"), "{pending:?}");

    let failing = bound(json!([{"type": "Resizing", "status": "True"},
        {"type": "ControllerResizeError", "status": "True", "message": "the disk is at its largest"}]));
    assert_eq!(condition_of(&failing, STORAGE_READY), is("False", "VolumeExpansionFailing"));
    assert!(message(&failing).contains("from 10Gi to 20Gi: the disk is at its largest"), "{failing:?}");
    assert_eq!(condition_of(&failing, READY), is("True", "Serving"), "what it has is served");

    let larger_than_asked = with_claim(json!({"phase": "Bound", "capacity": {"storage": "1Ti"}}), larger);
    assert_eq!(condition_of(&larger_than_asked, STORAGE_READY), is("True", "Bound"));
}

#[test]
fn a_growth_that_is_refused_has_to_be_corrected() {
    let problem = Problem {
        about: About::Storage,
        reason: "VolumeExpansionRefused",
        message: "PersistentVolumeClaim larder stays at 10Gi".into(),
        may_pass: false,
    };
    let refused = Cluster { growth_refused: Some(problem), ..Cluster::serving() }.status("{}", None, now());
    for type_ in [READY, STORAGE_READY] {
        assert_eq!(condition_of(&refused, type_), is("False", "VolumeExpansionRefused"));
    }
    assert_eq!(condition_of(&refused, condition::STALLED), is("True", "VolumeExpansionRefused"));
    assert_eq!(condition_of(&refused, condition::RECONCILING), is("False", "Settled"));
}

#[test]
fn a_volume_that_fills_up_is_said_before_and_when_pushes_fail_and_the_registry_stays_ready() {
    let room = full_to(84, false, None, "{}");
    assert_eq!(condition_of(&room, STORAGE_READY), is("True", "Bound"));
    assert_eq!(
        serde_json::to_value(&room.storage).unwrap(),
        json!({"claimName": "larder", "capacity": "10Gi",
            "fileSystem": {"capacity": "12.5Gi", "available": "2Gi", "usedPercent": 84}})
    );

    let nearly = full_to(85, false, Some(&room), "{}");
    assert_eq!(condition_of(&nearly, STORAGE_READY), is("True", "VolumeNearlyFull"));
    assert_eq!(
        message(&nearly),
        "PersistentVolumeClaim larder is nearly full: pushes fail when it is, pulls go on; 85 % of its 12.5Gi are taken, 1.8Gi are \
         free. Delete images and collect the garbage, or enlarge spec.storage.persistentVolumeClaim.size, if its StorageClass \
         lets claims grow"
    );

    let full = full_to(90, true, Some(&nearly), "{}");
    assert_eq!(condition_of(&full, STORAGE_READY), is("False", "VolumeFull"));
    assert!(
        message(&full)
            .starts_with("PersistentVolumeClaim larder is full: what does not fit is refused, pulls go on; 90 %"),
        "{full:?}"
    );
    assert_eq!(condition_of(&full, READY), is("True", "Serving"));
    assert_eq!(condition_of(&full, condition::STALLED), is("False", "NothingToCorrect"));
    assert_eq!(condition_of(&full, condition::RECONCILING), is("False", "Settled"));
    assert_eq!(condition_of(&full_to(40, false, Some(&full), "{}"), STORAGE_READY), is("True", "Bound"));
}

#[test]
fn what_a_server_has_said_stays_while_it_says_nothing() {
    let full = full_to(99, false, None, "{}");
    let told = |status: &PrivateRegistryStatus| (status.storage.clone(), status.conditions.clone());
    let restarted = Cluster::serving().status("{}", Some(&full), now());
    assert_eq!(told(&restarted), told(&full), "as after a restart of the operator");
    assert_eq!(told_level(Some(&full)), Level::Full);
    let trembling = full_to(98, false, Some(&full), "{}");
    assert_eq!(told(&trembling), told(&full), "nothing is written");
}

#[test]
fn what_keeps_the_claim_away_comes_before_what_is_on_it() {
    let mut lost = Cluster { claim: json!({"phase": "Lost"}), ..Cluster::serving() };
    lost.observed.volume = Some(VolumeUse { capacity: 100, available: 0, percent: 100, refused: true });
    assert_eq!(condition_of(&lost.status("{}", None, now()), STORAGE_READY), is("False", "ClaimLost"));

    let mut down = Cluster { deployment: json!({}), ..Cluster::serving() };
    down.observed.volume = Some(VolumeUse { capacity: 100, available: 0, percent: 100, refused: true });
    let down = down.status("{}", None, now());
    assert_eq!(condition_of(&down, READY), is("False", "RollingOut"), "a full volume keeps no server from starting");
}

#[test]
fn the_disk_of_an_empty_dir_fills_up_as_well() {
    let status = full_to(99, false, None, "{storage: {emptyDir: {}}}");
    assert_eq!(condition_of(&status, STORAGE_READY), is("False", "VolumeFull"));
    assert!(message(&status).starts_with("the node's disk with the emptyDir is full"));
    let storage = status.storage.unwrap();
    assert_eq!((storage.claim_name, storage.file_system.unwrap().used_percent), (None, 99));
}

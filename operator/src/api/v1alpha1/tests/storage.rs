//! What is stored, which no edit and no second server may lose.

use serde_json::json;

use super::{answer, change_refused, refused, resource, says};

#[test]
fn what_is_stored_cannot_be_lost_by_an_edit() {
    let sized = |size: &str| format!("{{storage: {{persistentVolumeClaim: {{size: {size}}}}}}}");
    assert_eq!(change_refused(&sized("1Gi"), &sized("2Gi")), "");
    assert_eq!(change_refused(&sized("1024Mi"), &sized("1Gi")), "");
    assert_eq!(change_refused("{}", &sized("10Gi")), "");
    says(&change_refused(&sized("2Gi"), &sized("1Gi")), "size cannot shrink");
    says(&change_refused(&sized("20Gi"), "{}"), "size cannot shrink (left out, it is 10Gi)");
    let taken_back = |size: &str| {
        let [mut old, mut new] = ["20Gi", size].map(|size| resource("larder", &sized(size)));
        for object in [&mut old, &mut new] {
            object["status"] = json!({"storage": {"capacity": "10Gi"}});
        }
        answer(&new, Some(&old))
    };
    assert_eq!((taken_back("10Gi"), taken_back("15Gi")), (String::new(), String::new()), "it has not grown yet");
    says(&taken_back("9Gi"), "size cannot shrink");
    let empty_dir = "{storage: {emptyDir: {}}}";
    for [old, new] in [["{}", empty_dir], [empty_dir, "{}"]] {
        says(&change_refused(old, new), "cannot change between persistentVolumeClaim and emptyDir");
    }
    let with = |field: &str| change_refused("{}", &format!("{{storage: {{persistentVolumeClaim: {{{field}}}}}}}"));
    says(&with("storageClassName: slate"), "storageClassName cannot change");
    says(&with("accessModes: [ReadWriteMany]"), "accessModes cannot");
    assert_eq!(with("accessModes: [ReadWriteOnce]"), "");
    says(&with("existingClaim: attic"), "existingClaim cannot change");
    assert_eq!(change_refused("{}", "{storage: {deletionPolicy: Delete}, tls: {disabled: true}}"), "");
}

#[test]
fn sizes_are_quantities() {
    for size in ["ten", "0", "-1Gi", "10 Gi"] {
        let answer = refused(&format!("{{storage: {{persistentVolumeClaim: {{size: '{size}'}}}}}}"));
        says(&answer, "size must be a positive quantity such as 10Gi");
        let answer = refused(&format!("{{storage: {{emptyDir: {{sizeLimit: '{size}'}}}}}}"));
        says(&answer, "sizeLimit must be a positive quantity such as 5Gi");
    }
}

#[test]
fn two_servers_never_write_one_volume() {
    for replicas in [-1, 2] {
        says(&refused(&format!("{{replicas: {replicas}}}")), "replicas must be 1, or 0 for a registry that is stopped");
    }
}

//! A claim that is to grow, and may or may not.

use super::Cluster;

const LARGER: &str = "{podLabels: {shelf: top}, storage: {persistentVolumeClaim: {size: 20Gi}}}";

#[tokio::test]
async fn a_claim_that_may_not_grow_stays_as_it_is_and_holds_nothing_up() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    cluster.server().fixed_size = true;

    cluster.apply(LARGER).await.unwrap();
    let deployment = cluster.server().objects["deployments/larder"].clone();
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"]["shelf"], "top");
    assert_eq!(cluster.claim_size(), "10Gi");
    let refusal = cluster.memory.growth_refused.take().unwrap();
    assert_eq!(refusal.problem.reason, "VolumeExpansionRefused");
    let says = "PersistentVolumeClaim larder stays at 10Gi and does not become 20Gi: its class does not allow it. If";
    assert!(refusal.problem.message.starts_with(says), "{}", refusal.problem.message);
    cluster.memory.growth_refused = Some(refusal);

    // Nothing is asked again and again, and what is not the size goes on.
    assert!(cluster.apply(LARGER).await.unwrap().is_empty());
    let owned = LARGER.replace("{size: 20Gi}}", "{size: 20Gi}, deletionPolicy: Delete}");
    assert_eq!(cluster.apply(&owned).await.unwrap(), ["PATCH persistentvolumeclaims/larder"]);
    let claim = cluster.server().objects["persistentvolumeclaims/larder"].clone();
    assert_eq!(claim["metadata"]["ownerReferences"][0]["name"], "larder");
}

#[tokio::test]
async fn a_growth_that_is_allowed_or_no_longer_wanted_is_no_problem() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    cluster.server().fixed_size = true;
    cluster.apply(LARGER).await.unwrap();
    cluster.apply("{}").await.unwrap();
    assert!(cluster.memory.growth_refused.is_none());

    cluster.server().fixed_size = false;
    assert!(cluster.apply(LARGER).await.unwrap().contains(&"PATCH persistentvolumeclaims/larder".to_owned()));
    assert_eq!(cluster.claim_size(), "20Gi");
    assert!(cluster.memory.growth_refused.is_none());

    // As one that a registry of this name has left, or that a person has enlarged.
    assert!(cluster.apply("{}").await.unwrap().iter().all(|request| !request.contains("persistentvolumeclaims")));
    assert_eq!(cluster.claim_size(), "20Gi");
}

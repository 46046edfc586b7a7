//! Children that are made only where they are asked for.

use super::Cluster;
use crate::controller::chain;

#[tokio::test]
async fn an_ingress_comes_and_goes_with_the_spec() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    let with_ingress = "{ingress: {host: pantry.example}}";

    let requests = cluster.apply(with_ingress).await.unwrap();
    assert!(requests.ends_with(&["GET ingresses/larder".into(), "PATCH ingresses/larder".into()]), "{requests:?}");
    assert!(cluster.apply(with_ingress).await.unwrap().is_empty(), "at rest nothing is sent");

    let requests = cluster.apply("{}").await.unwrap();
    assert_eq!(requests.last().unwrap(), "DELETE ingresses/larder");
    assert!(cluster.apply("{}").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_ingress_that_is_refused_does_not_hold_up_the_pod() {
    let mut cluster = Cluster::new();
    cluster.server().refuses = Some(("ingresses/larder", "another Ingress has this host"));
    let error = cluster.apply("{ingress: {host: pantry.example}}").await.unwrap_err();
    let told = chain(&error);
    assert_eq!(told, "failed to apply Ingress kitchen/larder: another Ingress has this host");
    assert!(cluster.server().objects.contains_key("deployments/larder"));
}

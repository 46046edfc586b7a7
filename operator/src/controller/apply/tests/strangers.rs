//! Objects that have the name of a child and are none, and the one that is taken over.

use serde_json::json;

use super::Cluster;

#[tokio::test]
async fn an_object_of_somebody_else_s_is_not_taken_over() {
    let mut cluster = Cluster::new();
    let foreign =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "larder", "namespace": "kitchen"}});
    cluster.server().objects.insert("deployments/larder".into(), foreign.clone());
    let error = cluster.apply("{}").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to create Deployment kitchen/larder: an object of that name exists and does not belong to this \
         PrivateRegistry; delete it, or give the PrivateRegistry another name"
    );
    assert_eq!(cluster.server().objects["deployments/larder"], foreign);
}

#[tokio::test]
async fn a_secret_of_somebody_else_s_is_not_taken_over_although_the_watch_shows_it() {
    let mut cluster = Cluster::new();
    let foreign = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "larder-pull", "namespace": "kitchen",
        "resourceVersion": "7"}, "data": {"key": "dmFsdWU="}});
    cluster.server().objects.insert("secrets/larder-pull".into(), foreign.clone());
    cluster.watch();
    let error = cluster.apply("{}").await.unwrap_err();
    assert!(
        error.to_string().starts_with("failed to create Secret kitchen/larder-pull: an object of that name exists")
    );
    assert_eq!(cluster.server().objects["secrets/larder-pull"], foreign);
}

#[tokio::test]
async fn a_claim_that_was_left_behind_is_taken_over() {
    let mut cluster = Cluster::new();
    let labels =
        json!({"app.kubernetes.io/managed-by": "private-registry-operator", "app.kubernetes.io/instance": "larder"});
    let left = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "larder", "namespace": "kitchen", "labels": labels}});
    cluster.server().objects.insert("persistentvolumeclaims/larder".into(), left);
    assert!(cluster.apply("{}").await.is_ok());
}

//! The Service: what it speaks, and who reaches it.

use serde_json::json;

use super::{built, json_of, metadata};

#[test]
fn the_service_speaks_https_on_443() {
    let (service, _) = built("{}");
    assert_eq!(
        json_of(&service),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata("larder", "registry"),
            "spec": {
                "type": "ClusterIP",
                "selector": {"app.kubernetes.io/name": "private-registry", "app.kubernetes.io/instance": "larder"},
                "ports": [{"name": "registry", "port": 443, "targetPort": "registry", "protocol": "TCP", "appProtocol": "https"}],
            },
        })
    );
}

#[test]
fn a_service_can_be_exposed() {
    let (service, _) =
        built("{service: {type: NodePort, port: 5443, nodePort: 30443, annotations: {example.com/a: b}}}");
    let service = json_of(&service);
    assert_eq!(service["metadata"]["annotations"], json!({"example.com/a": "b"}));
    assert_eq!(service["spec"]["type"], "NodePort");
    assert_eq!(service["spec"]["ports"][0]["port"], 5443);
    assert_eq!(service["spec"]["ports"][0]["nodePort"], 30443);
}

#[test]
fn a_load_balancer_and_the_families_of_addresses_can_be_chosen() {
    let (service, _) =
        built("{service: {type: LoadBalancer, loadBalancerClass: inner, ipFamilyPolicy: RequireDualStack}}");
    let service = json_of(&service);
    assert_eq!(service["spec"]["type"], "LoadBalancer");
    assert_eq!(service["spec"]["loadBalancerClass"], "inner");
    assert_eq!(service["spec"]["ipFamilyPolicy"], "RequireDualStack");
}

//! The Deployment with its Pod, and the account that it runs as.

use serde_json::{Value, json};

use super::{built, json_of, labels, metadata};

/// The only container of the Pod of `{}`.
fn server() -> Value {
    let probe = |path: &str, period: i32, failures: i32| {
        json!({
            "httpGet": {"path": path, "port": "debug", "scheme": "HTTP"},
            "timeoutSeconds": 3,
            "periodSeconds": period,
            "failureThreshold": failures,
        })
    };
    json!({
        "name": "registry",
        "image": "example.com/store:9",
        "ports": [
            {"name": "registry", "containerPort": 5000, "protocol": "TCP"},
            {"name": "debug", "containerPort": 5001, "protocol": "TCP"},
        ],
        "env": [{
            "name": "REGISTRY_HTTP_SECRET",
            "valueFrom": {"secretKeyRef": {"name": "larder-http", "key": "secret"}},
        }],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "startupProbe": probe("/readyz", 1, 300),
        "livenessProbe": probe("/livez", 10, 3),
        "readinessProbe": probe("/readyz", 5, 2),
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/distribution", "readOnly": true},
            {"name": "auth", "mountPath": "/auth", "readOnly": true},
            {"name": "certificates", "mountPath": "/certs", "readOnly": true},
            {"name": "data", "mountPath": "/var/lib/registry"},
        ],
    })
}

#[test]
fn the_pod_passes_the_restricted_standard() {
    let (_, children) = built("{}");
    let deployment = json_of(&children.deployment);
    let hash = deployment["spec"]["template"]["metadata"]["annotations"]["privateregistry.io/config-hash"].clone();
    assert_eq!(hash.as_str().unwrap().len(), 64);
    let selector = json!({"app.kubernetes.io/name": "private-registry", "app.kubernetes.io/instance": "larder"});
    let mut pod_labels = labels("registry");
    pod_labels.as_object_mut().unwrap().remove("app.kubernetes.io/version");
    assert_eq!(
        deployment,
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata("larder", "registry"),
            "spec": {
                "replicas": 1,
                "revisionHistoryLimit": 3,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {"labels": pod_labels, "annotations": {"privateregistry.io/config-hash": hash}},
                    "spec": {
                        "serviceAccountName": "larder",
                        "automountServiceAccountToken": false,
                        "enableServiceLinks": false,
                        "terminationGracePeriodSeconds": 30,
                        "securityContext": {
                            "runAsNonRoot": true,
                            "runAsUser": 65532,
                            "runAsGroup": 65532,
                            "fsGroup": 65532,
                            "fsGroupChangePolicy": "OnRootMismatch",
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [server()],
                        "volumes": [
                            {"name": "config", "configMap": {"name": "larder-config"}},
                            {"name": "auth", "secret": {"secretName": "larder-htpasswd", "defaultMode": 0o440}},
                            {"name": "certificates", "secret": {"secretName": "larder-tls", "defaultMode": 0o440}},
                            {"name": "data", "persistentVolumeClaim": {"claimName": "larder"}},
                        ],
                    },
                },
            },
        })
    );
}

#[test]
fn what_is_handed_to_the_pod_arrives_there() {
    let (_, children) = built(
        "
        image: example.org/other:1
        imagePullPolicy: Never
        imagePullSecrets: [{name: to-pull-the-server}]
        resources: {limits: {cpu: '2'}}
        nodeSelector: {disk: ssd}
        tolerations: [{key: oven, operator: Exists}]
        affinity: {podAffinity: {}}
        priorityClassName: urgent
        podLabels: {shelf: top}
        podAnnotations: {example.com/light: 'on'}
        podSecurityContext: {fsGroup: 1000, supplementalGroups: [44]}
        env: [{name: SPOON, value: silver}, {name: FORK, valueFrom: {secretKeyRef: {name: staff, key: fork}}}]
        serviceAccount: {annotations: {example.com/role: cook}}
        ",
    );
    let template = json_of(&children.deployment)["spec"]["template"].clone();
    let (pod, container) = (&template["spec"], &template["spec"]["containers"][0]);
    assert_eq!(container["image"], "example.org/other:1");
    assert_eq!(container["imagePullPolicy"], "Never");
    assert_eq!(container["resources"], json!({"limits": {"cpu": "2"}}));
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "to-pull-the-server"}]));
    assert_eq!(pod["nodeSelector"], json!({"disk": "ssd"}));
    assert_eq!(pod["tolerations"], json!([{"key": "oven", "operator": "Exists"}]));
    assert_eq!(pod["affinity"], json!({"podAffinity": {}}));
    assert_eq!(pod["priorityClassName"], "urgent");
    assert_eq!(template["metadata"]["labels"]["shelf"], "top");
    assert_eq!(
        pod["securityContext"],
        json!({
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 1000,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
            "supplementalGroups": [44],
        })
    );
    assert_eq!(container["env"][0]["name"], "REGISTRY_HTTP_SECRET");
    assert_eq!(container["env"][1], json!({"name": "SPOON", "value": "silver"}));
    assert_eq!(container["env"][2]["valueFrom"], json!({"secretKeyRef": {"name": "staff", "key": "fork"}}));
    let account = json_of(&children.service_account);
    assert_eq!(account["metadata"]["annotations"], json!({"example.com/role": "cook"}));
    assert_eq!(account["automountServiceAccountToken"], false);
    assert_eq!(template["metadata"]["annotations"]["example.com/light"], "on");
}

#[test]
fn a_service_account_of_somebody_else_s_is_used_as_it_is() {
    let (_, children) = built("{serviceAccount: {name: courier}}");
    assert!(children.service_account.is_none());
    let pod = json_of(&children.deployment)["spec"]["template"]["spec"].clone();
    assert_eq!((&pod["serviceAccountName"], &pod["automountServiceAccountToken"]), (&json!("courier"), &json!(false)));
}

#[test]
fn pods_are_spread_by_the_registry_s_own_labels_unless_others_are_given() {
    let (_, children) = built(
        "
        topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}
        - {maxSkew: 2, topologyKey: rack, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {shelf: top}}}
        ",
    );
    let constraints = json_of(&children.deployment)["spec"]["template"]["spec"]["topologySpreadConstraints"].clone();
    assert_eq!(constraints[0]["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"], "larder");
    assert_eq!(constraints[1]["labelSelector"], json!({"matchLabels": {"shelf": "top"}}));
}

#[test]
fn a_stopped_registry_has_no_pod() {
    let (_, children) = built("{replicas: 0}");
    assert_eq!(json_of(&children.deployment)["spec"]["replicas"], 0);
}

#[test]
fn the_server_asks_the_api_server_for_nothing() {
    let (_, children) = built("{}");
    assert_eq!(
        json_of(&children.service_account),
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata("larder", "registry"),
            "automountServiceAccountToken": false,
        })
    );
}

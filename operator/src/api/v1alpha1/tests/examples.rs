//! What is accepted: of every field something that people write, and what the guide shows.

use std::{fs, path::Path};

use serde_json::Value;

use super::{super::PrivateRegistry, answer, refused};

#[test]
fn what_people_write_is_accepted() {
    for spec in [
        "{}",
        "{image: 'registry.example.com:5000/team/server@sha256:abc'}",
        "{storage: {persistentVolumeClaim: {size: 50Gi, storageClassName: slate, accessModes: [ReadWriteMany]}}}",
        "{storage: {persistentVolumeClaim: {existingClaim: attic}, deletionPolicy: Delete}}",
        "{storage: {emptyDir: {sizeLimit: 500M}}}",
        "{tls: {selfSigned: {duration: 1h, renewBefore: 59m, algorithm: RSA}}}",
        "{tls: {selfSigned: {dnsNames: [registry.example.com, '*.example.com'], ipAddresses: [192.0.2.1, '2001:db8::1']}}}",
        "{tls: {secretRef: {name: badge}}}",
        "{tls: {certManager: {issuerRef: {name: notary}}}}",
        "{tls: {certManager: {issuerRef: {name: notary, kind: ClusterIssuer, group: pki.example.com}, algorithm: RSA,
            serviceNames: false, dnsNames: [registry.example.com], duration: 12h, renewBefore: 5m}}}",
        "{tls: {disabled: true}}",
        "{tls: {selfSigned: {}, disabled: false}}",
        "{auth: {users: [{name: 'robot$ci', passwordSecretRef: {name: staff}, access: Admin}]}}",
        "{service: {type: NodePort, nodePort: 30443, port: 5443}}",
        "{service: {type: LoadBalancer, loadBalancerClass: example.com/inner, ipFamilyPolicy: PreferDualStack}}",
        "{ingress: {host: registry.example.com, className: slate, annotations: {a.example/b: c}, tlsSecretName: badge}}",
        "{httpRoute: {hostnames: [registry.example.com], parentRefs: [{name: gate, namespace: hall, sectionName: https}]}}",
        "{networkPolicy: {}, podDisruptionBudget: {}}",
        "{monitoring: {serviceMonitor: {interval: 30s, labels: {release: lens}}, prometheusRule: {}}}",
        "{networkPolicy: {allowedPeers: [{namespaceSelector: {}, podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}]}}",
        "{pullSecrets: {namespaceSelector: {}, serviceAccounts: [default, builder.v2]}}",
        "{pullSecrets: {namespaceSelector: {matchLabels: {team: blue}, matchExpressions: [{key: floor, operator: NotIn, \
         values: ['1']}, {key: lit, operator: Exists}]}}}",
        "{podLabels: {team: kitchen}, podAnnotations: {example.com/a: b}}",
        "{replicas: 0}",
        "{config: {log: {level: debug}, http: {headers: {X-Frame-Options: [deny]}}, anything: [1, a]}}",
        "{auth: {htpasswdSecretRef: {name: guests}, anonymousPull: true}}",
        "{auth: {disabled: true, anonymousPull: false}}",
        "{auth: {anonymousPull: true, users: [{name: cook, passwordSecretRef: {name: staff}}]}}",
        "{topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}",
        "{podSecurityContext: {fsGroup: 1000, supplementalGroups: [44]}}",
        "{podSecurityContext: {runAsUser: 0, runAsNonRoot: false}}",
        "{env: [{name: HTTPS_PROXY, value: 'http://proxy.example:3128'}, {name: EMPTY}]}",
        "{env: [{name: REGISTRY_LOG_LEVEL, value: debug}, {name: REGISTRY_HTTP_HOST, value: 'https://hub.example'}]}",
        "{env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: staff, key: token}}}]}",
        "{serviceAccount: {name: courier}}",
        "{serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::1:role/larder'}}}",
    ] {
        assert_eq!(refused(spec), "", "{spec}");
    }
}

/// The README and the pages of the guide.
fn pages() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = fs::read_dir(folder.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.chain([folder.join("README.md")]).map(|page| fs::read_to_string(page).unwrap()).collect()
}

/// Every resource that the guide shows: fields that exist, values that the rules accept.
#[test]
fn examples_of_the_guide_are_accepted() {
    let pages = pages();
    let blocks = pages.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
    let registries: Vec<Value> = blocks
        .flat_map(|block| serde_saphyr::from_multiple::<Value>(block).unwrap())
        .filter(|object| object["kind"] == "PrivateRegistry")
        .collect();
    assert!(registries.len() >= 5);
    for written in registries {
        let resource: PrivateRegistry = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(answer(&written, None), "");
        let understood = serde_json::to_value(&resource).unwrap();
        assert_contains(&understood, &written, "");
    }
}

#[track_caller]
fn assert_contains(whole: &Value, part: &Value, path: &str) {
    match part {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            assert_contains(&whole[name], value, &format!("{path}.{name}"));
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            assert_contains(&whole[index], value, &format!("{path}[{index}]"));
        }),
        value => assert_eq!(whole, value, "{path} is not a field, or has another meaning"),
    }
}

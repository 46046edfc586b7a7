//! The rules: what each says, a spec that it refuses, and one close to that which it takes.

/// A rule about what is written.
pub(super) struct Row {
    /// Part of its sentence.
    pub(super) says: &'static str,
    /// In YAML.
    pub(super) refused: &'static str,
    /// In YAML.
    pub(super) accepted: &'static str,
}

/// A rule about what is changed.
pub(super) struct Change {
    /// Part of its sentence.
    pub(super) says: &'static str,
    /// What is there, in YAML.
    pub(super) before: &'static str,
    /// In YAML.
    pub(super) refused: &'static str,
    /// In YAML.
    pub(super) accepted: &'static str,
}

const fn row(says: &'static str, refused: &'static str, accepted: &'static str) -> Row {
    Row { says, refused, accepted }
}

const fn change(says: &'static str, before: &'static str, refused: &'static str, accepted: &'static str) -> Change {
    Change { says, before, refused, accepted }
}

/// Rules about names; what is refused and taken are names.
pub(super) const NAMES: &[Row] = &[row("use at most 50 lower case letters, digits and '-'", "1-larder", "larder-1")];

pub(super) const SPECS: &[Row] = &[
    row(
        "passwordSecretRef.name must be the name of a Secret in the same namespace",
        "{auth: {users: [{name: cook, passwordSecretRef: {name: ../../hall/secrets/safe}}]}}",
        "{auth: {users: [{name: cook, passwordSecretRef: {name: staff.2}}]}}",
    ),
    row(
        "htpasswdSecretRef.name must be the name of a Secret in the same namespace",
        "{auth: {htpasswdSecretRef: {name: hall/safe}}}",
        "{auth: {htpasswdSecretRef: {name: guests}}}",
    ),
    row(
        "secretRef.name must be the name of a Secret in the same namespace",
        "{tls: {secretRef: {name: 'badge?watch=1'}}}",
        "{tls: {secretRef: {name: badge}}}",
    ),
    row(
        "existingClaim must be the name of a PersistentVolumeClaim in the same namespace",
        "{storage: {persistentVolumeClaim: {existingClaim: ../attic}}}",
        "{storage: {persistentVolumeClaim: {existingClaim: attic}}}",
    ),
    row(
        "pullSecrets.serviceAccounts must be names of service accounts",
        "{pullSecrets: {serviceAccounts: [default, hall/butler]}}",
        "{pullSecrets: {serviceAccounts: [default, butler]}}",
    ),
    row(
        "In and NotIn need values, Exists and DoesNotExist take none",
        "{pullSecrets: {namespaceSelector: {matchExpressions: [{key: floor, operator: In}]}}}",
        "{pullSecrets: {namespaceSelector: {matchExpressions: [{key: floor, operator: Exists}]}}}",
    ),
    row(
        "auth.htpasswdSecretRef is in place of all other users",
        "{auth: {htpasswdSecretRef: {name: a}, users: [{name: cook, passwordSecretRef: {name: b}}]}}",
        "{auth: {htpasswdSecretRef: {name: a}, users: [], anonymousPull: true}}",
    ),
    row(
        "auth.disabled stands alone",
        "{auth: {disabled: true, anonymousPull: true}}",
        "{auth: {disabled: true, anonymousPull: false, users: []}}",
    ),
    row(
        "a user's name consists of letters",
        "{auth: {users: [{name: 'a:b', passwordSecretRef: {name: s}}]}}",
        "{auth: {users: [{name: 'robot$a+b@c', passwordSecretRef: {name: s}}]}}",
    ),
    row(
        "the names pull and push belong to the generated users",
        "{auth: {users: [{name: pull, passwordSecretRef: {name: s}}]}}",
        "{auth: {users: [{name: puller, passwordSecretRef: {name: s}}]}}",
    ),
    row("config.auth: who may log in is said by", "{config: {auth: {none: {}}}}", "{config: {author: {none: {}}}}"),
    row(
        "config.access: who may do what is said by",
        "{config: {access: {path: /x}}}",
        "{config: {log: {level: debug}}}",
    ),
    row(
        "config.storage: where images are kept is said by",
        "{config: {storage: {inmemory: {}}}}",
        "{config: {validation: {manifests: {urls: {deny: ['^http://']}}}}}",
    ),
    row(
        "config.http: addr, net, tls, secret, debug, draintimeout are",
        "{config: {http: {debug: {addr: ':1'}}}}",
        "{config: {http: {headers: {X-Frame-Options: [deny]}}}}",
    ),
    row(
        "env takes one of value and valueFrom",
        "{env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}",
        "{env: [{name: A, value: x}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: C}]}",
    ),
    row(
        "the name of an environment variable consists of",
        "{env: [{name: 'A=B', value: x}]}",
        "{env: [{name: A_b.c-1, value: x}]}",
    ),
    row(
        "this variable belongs to the operator",
        "{env: [{name: REGISTRY_storage_filesystem_rootdirectory, value: /x}]}",
        "{env: [{name: REGISTRY_LOG_LEVEL, value: debug}]}",
    ),
    row("image must be an image reference", "{image: 'a b'}", "{image: 'registry.example.com:5000/a@sha256:0'}"),
    row(
        "ingress.annotations must not start with privateregistry.io/",
        "{ingress: {host: hub.example.com, annotations: {privateregistry.io/a: b}}}",
        "{ingress: {host: hub.example.com, annotations: {example.com/a: b}}}",
    ),
    row(
        "ingress.host must be a lower case host name",
        "{ingress: {host: 'https://a.example'}}",
        "{ingress: {host: a.example}}",
    ),
    row(
        "ingress.tlsSecretName must be the name of a Secret",
        "{ingress: {host: a.example, tlsSecretName: hall/badge}}",
        "{ingress: {host: a.example, tlsSecretName: badge}}",
    ),
    row(
        "httpRoute.hostnames must be lower case host names",
        "{httpRoute: {hostnames: [localhost], parentRefs: [{name: a}]}}",
        "{httpRoute: {hostnames: [a.example], parentRefs: [{name: a}]}}",
    ),
    row(
        "httpRoute.annotations must not start with",
        "{httpRoute: {hostnames: [a.example], parentRefs: [{name: a}], annotations: {privateregistry.io/a: b}}}",
        "{httpRoute: {hostnames: [a.example], parentRefs: [{name: a}], annotations: {example.com/a: b}}}",
    ),
    row(
        "monitoring.prometheusRule needs monitoring.serviceMonitor",
        "{monitoring: {prometheusRule: {}}}",
        "{monitoring: {serviceMonitor: {}, prometheusRule: {}}}",
    ),
    row(
        "serviceMonitor.interval must be",
        "{monitoring: {serviceMonitor: {interval: often}}}",
        "{monitoring: {serviceMonitor: {interval: 30s}}}",
    ),
    row(
        "serviceMonitor.labels must not start with",
        "{monitoring: {serviceMonitor: {labels: {app.kubernetes.io/name: a}}}}",
        "{monitoring: {serviceMonitor: {labels: {release: a}}}}",
    ),
    row(
        "prometheusRule.labels must not start with",
        "{monitoring: {serviceMonitor: {}, prometheusRule: {labels: {app.kubernetes.io/name: a}}}}",
        "{monitoring: {serviceMonitor: {}, prometheusRule: {labels: {release: a}}}}",
    ),
    row(
        "networkPolicy.allowedPeers: a peer needs",
        "{networkPolicy: {allowedPeers: [{}]}}",
        "{networkPolicy: {allowedPeers: [{podSelector: {}}]}}",
    ),
    row(
        "networkPolicy.metricsPeers: a peer needs",
        "{networkPolicy: {metricsPeers: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}}",
        "{networkPolicy: {metricsPeers: [{ipBlock: {cidr: 10.0.0.0/8}}]}}",
    ),
    row(
        "podAnnotations must not start with",
        "{podAnnotations: {privateregistry.io/a: b}}",
        "{podAnnotations: {example.com/a: b}}",
    ),
    row("podLabels must not start with", "{podLabels: {app.kubernetes.io/name: b}}", "{podLabels: {app: b}}"),
    row(
        "the server runs on Linux alone",
        "{podSecurityContext: {windowsOptions: {hostProcess: true}}}",
        "{podSecurityContext: {supplementalGroups: [44]}}",
    ),
    row(
        "podSecurityContext.runAsUser 0 is root",
        "{podSecurityContext: {runAsUser: 0}}",
        "{podSecurityContext: {runAsUser: 0, runAsNonRoot: false}}",
    ),
    row("replicas must be 1, or 0", "{replicas: 2}", "{replicas: 0}"),
    row(
        "service.nodePort needs service.type",
        "{service: {nodePort: 30443}}",
        "{service: {type: NodePort, nodePort: 30443}}",
    ),
    row(
        "service.loadBalancerClass needs service.type LoadBalancer",
        "{service: {loadBalancerClass: inner}}",
        "{service: {type: LoadBalancer, loadBalancerClass: inner}}",
    ),
    row(
        "service.loadBalancerClass must be a name",
        "{service: {type: LoadBalancer, loadBalancerClass: a b}}",
        "{service: {type: LoadBalancer, loadBalancerClass: example.com/inner}}",
    ),
    row(
        "service.annotations must not start with",
        "{service: {annotations: {privateregistry.io/a: b}}}",
        "{service: {annotations: {example.com/a: b}}}",
    ),
    row(
        "serviceAccount takes one of name and annotations",
        "{serviceAccount: {name: courier, annotations: {a: b}}}",
        "{serviceAccount: {name: courier}}",
    ),
    row(
        "serviceAccount.annotations must not start with",
        "{serviceAccount: {annotations: {privateregistry.io/a: b}}}",
        "{serviceAccount: {annotations: {eks.amazonaws.com/role-arn: b}}}",
    ),
    row(
        "storage takes one of persistentVolumeClaim and emptyDir",
        "{storage: {persistentVolumeClaim: {}, emptyDir: {}}}",
        "{storage: {emptyDir: {}}}",
    ),
    row(
        "sizeLimit must be a positive quantity",
        "{storage: {emptyDir: {sizeLimit: '0'}}}",
        "{storage: {emptyDir: {sizeLimit: 1.5Gi}}}",
    ),
    row(
        "existingClaim stands alone",
        "{storage: {persistentVolumeClaim: {existingClaim: attic, size: 1Gi}}}",
        "{storage: {persistentVolumeClaim: {existingClaim: attic}}}",
    ),
    row(
        "size must be a positive quantity",
        "{storage: {persistentVolumeClaim: {size: ten}}}",
        "{storage: {persistentVolumeClaim: {size: 10Gi}}}",
    ),
    row(
        "tls takes one of",
        "{tls: {secretRef: {name: a}, disabled: true}}",
        "{tls: {secretRef: {name: a}, disabled: false}}",
    ),
    row(
        "must be shorter than duration",
        "{tls: {selfSigned: {duration: 30d}}}",
        "{tls: {selfSigned: {duration: 31d}}}",
    ),
    row(
        "dnsNames must be lower case host names",
        "{tls: {selfSigned: {dnsNames: ['https://a.example']}}}",
        "{tls: {selfSigned: {dnsNames: ['*.a.example']}}}",
    ),
    row(
        "duration must be a whole number",
        "{tls: {selfSigned: {duration: P90D}}}",
        "{tls: {selfSigned: {duration: 1440h}}}",
    ),
    row(
        "duration must be between 1h and 1825d",
        "{tls: {selfSigned: {duration: 59m, renewBefore: 1m}}}",
        "{tls: {selfSigned: {duration: 60m, renewBefore: 1m}}}",
    ),
    row(
        "ipAddresses must be IPv4 or IPv6",
        "{tls: {selfSigned: {ipAddresses: [10.0.0.0/8]}}}",
        "{tls: {selfSigned: {ipAddresses: ['2001:db8::1']}}}",
    ),
    row(
        "renewBefore must be a whole number",
        "{tls: {selfSigned: {renewBefore: a week}}}",
        "{tls: {selfSigned: {renewBefore: 7d}}}",
    ),
    row(
        "renewBefore must be at least 5m",
        "{tls: {certManager: {issuerRef: {name: a}, duration: 1h, renewBefore: 4m}}}",
        "{tls: {certManager: {issuerRef: {name: a}, duration: 1h, renewBefore: 5m}}}",
    ),
    row(
        "serviceNames is false",
        "{tls: {certManager: {issuerRef: {name: a}, serviceNames: false}}}",
        "{tls: {certManager: {issuerRef: {name: a}, serviceNames: false, dnsNames: [a.example]}}}",
    ),
];

pub(super) const CHANGES: &[Change] = &[
    change(
        "service.loadBalancerClass cannot change",
        "{service: {type: LoadBalancer, loadBalancerClass: a}}",
        "{service: {type: LoadBalancer, loadBalancerClass: b}}",
        "{service: {type: ClusterIP}}",
    ),
    change(
        "storage cannot change between persistentVolumeClaim and emptyDir",
        "{}",
        "{storage: {emptyDir: {}}}",
        "{storage: {persistentVolumeClaim: {}}}",
    ),
    change(
        "storage.persistentVolumeClaim.size cannot shrink",
        "{}",
        "{storage: {persistentVolumeClaim: {size: 9Gi}}}",
        "{storage: {persistentVolumeClaim: {size: 11Gi}}}",
    ),
    change(
        "storage.persistentVolumeClaim.storageClassName cannot change",
        "{storage: {persistentVolumeClaim: {storageClassName: slate}}}",
        "{}",
        "{storage: {persistentVolumeClaim: {storageClassName: slate, size: 20Gi}}}",
    ),
    change(
        "storage.persistentVolumeClaim.accessModes cannot change",
        "{}",
        "{storage: {persistentVolumeClaim: {accessModes: [ReadWriteMany]}}}",
        "{storage: {persistentVolumeClaim: {accessModes: [ReadWriteOnce]}}}",
    ),
    change(
        "storage.persistentVolumeClaim.existingClaim cannot change",
        "{storage: {persistentVolumeClaim: {existingClaim: attic}}}",
        "{storage: {persistentVolumeClaim: {existingClaim: cellar}}}",
        "{storage: {persistentVolumeClaim: {existingClaim: attic}, deletionPolicy: Delete}}",
    ),
];

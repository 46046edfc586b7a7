module privateregistry.io/tools/definitions

go 1.26.0

// No program: the CustomResourceDefinitions that come with these.
require (
	github.com/kubernetes-csi/external-snapshotter/client/v8 v8.7.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.4.0
)

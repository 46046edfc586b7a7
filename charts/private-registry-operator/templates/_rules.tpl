{{/*
What the operator may do where it keeps registries: every verb spelled out, because a reader of this list decides whether
to trust it. One text for both modes: a ClusterRole, or a Role in each watched namespace.

What it makes is written by server-side apply: patch, and create while there is none; get, to see first whether the name is
taken by somebody else's object. Watches of Secrets, ConfigMaps and ServiceAccounts carry metadata alone.
*/}}
{{- define "private-registry-operator.rules" -}}
# The resources it serves. It never changes a spec: patch is for the finalizer of a registry that has copies of its pull Secret
# elsewhere, or entries on service accounts.
- apiGroups: [privateregistry.io]
  resources: [privateregistries]
  verbs: [list, watch, patch]
# Conditions, endpoint and certificate dates.
- apiGroups: [privateregistry.io]
  resources: [privateregistries/status]
  verbs: [patch]
# Its own: certificates, password hashes, credentials, pull and push Secrets; delete, because a certificate goes when TLS is
# switched off. A person's, which a resource refers to: read one by one. Copies of pull Secrets, in namespaces that take them.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
# The server's config.yml, the Service clients talk to, the account its Pod runs as. Other accounts' imagePullSecrets, where
# spec.pullSecrets names them: patch.
- apiGroups: [""]
  resources: [configmaps, services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
# The volume with the images. It is never deleted by a request of the operator: a claim with deletionPolicy Delete belongs to
# its resource and goes with it. Clusters that guard owner references want the right to delete for saying so
# (admission plugin OwnerReferencesPermissionEnforcement, on by default on OpenShift).
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
# The server itself.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Children of those resources alone that ask for them. Without a right, the resource's condition ExposureReady says which one is
# missing, and everything else goes on.
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# How many Pods a drain may evict at once, for those that say it.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# The same of the Prometheus operator, where it is installed: without these, MonitoringReady says so.
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors, prometheusrules]
  verbs: [get, list, watch, create, patch, delete]
# The same of the Gateway API: without these, ExposureReady says so.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, backendtlspolicies]
  verbs: [get, list, watch, create, patch, delete]
# tls.certManager, where cert-manager is installed: what is asked of it, and what it says.
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, watch, create, patch, delete]
# During a rotation: which Pods still have to load the new passwords or certificate.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# What `kubectl describe` tells about a registry; patch counts a repeated event up instead of adding another.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* What a Role cannot give: in some namespaces alone, the operator knows them by name and takes no notice of labels. */}}
{{- define "private-registry-operator.clusterRules" -}}
# Labels of namespaces, by which copies of pull Secrets are taken and selected; watched as metadata, and only when some registry
# asks for copies.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}

{{/* The one Lease that says which Pod of the operator works. Creation cannot be limited to a name. */}}
{{- define "private-registry-operator.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [private-registry-operator]
  verbs: [get, patch]
{{- end }}

{{/* What the operator may do in its own namespace to tell nodes; the argument is the name of their DaemonSet. */}}
{{- define "private-registry-operator.nodeTellingRules" -}}
# What nodes are told, an object a registry; its owner is the DaemonSet, and it goes with it.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# How many nodes there are, and how many of them are well.
- apiGroups: [apps]
  resources: [daemonsets]
  resourceNames: [{{ . }}]
  verbs: [list, watch]
# Whom to ask what has become of it on each node.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- end }}

{{/* What a Pod on a node may do in the operator's namespace; the argument is the name of its DaemonSet. */}}
{{- define "private-registry-operator.nodeTrustRules" -}}
# Which registries there are: their names, addresses and authorities, all of them public.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch]
# When the Pod ends: whether the DaemonSet is gone, so that what was written has to go too.
- apiGroups: [apps]
  resources: [daemonsets]
  resourceNames: [{{ . }}]
  verbs: [get]
{{- end }}

{{/* What is no part of a namespace. */}}
{{- define "private-registry-operator.nodeTrustClusterRules" -}}
# Which container runtime the node has, in which version. RBAC cannot limit this to the Pod's own node.
- apiGroups: [""]
  resources: [nodes]
  verbs: [get]
{{- end }}

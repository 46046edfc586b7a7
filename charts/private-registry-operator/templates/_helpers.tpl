{{/* Names, labels and image references of this chart. The rules of its roles are in _rules.tpl. */}}

{{- define "private-registry-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "private-registry-operator.fullname" -}}
{{- $name := include "private-registry-operator.name" . }}
{{- $fullname := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $fullname .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What selects this release's Pods. A Deployment's selector cannot be changed: nothing here may depend on a version. */}}
{{- define "private-registry-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "private-registry-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "private-registry-operator.labels" -}}
{{ include "private-registry-operator.selectorLabels" . }}
{{ include "private-registry-operator.releaseLabels" . }}
{{- end }}

{{/* What selects nothing. */}}
{{- define "private-registry-operator.releaseLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: private-registry
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "private-registry-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "private-registry-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name has to say which account to use when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The reference of an image: (dict "image" .Values.image "default" .Chart.AppVersion). */}}
{{- define "private-registry-operator.image" -}}
{{ .image.repository }}:{{ default .default .image.tag }}
{{- with .image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What selects the Pods on nodes, and none of the operator's own. */}}
{{- define "private-registry-operator.nodeTrustSelectorLabels" -}}
app.kubernetes.io/name: {{ include "private-registry-operator.name" . | trunc 52 | trimSuffix "-" }}-node-trust
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The directories of a node that its runtime reads, and those of its configuration. */}}
{{- define "private-registry-operator.nodeTrustVolumes" -}}
{{- with .Values.nodeTrust }}
{{- if has "containerd" .runtimes }}
- {name: containerd-config, path: {{ .containerd.configDir }}, readOnly: true}
- {name: containerd-certs, path: {{ .containerd.certsDir }}, readOnly: false}
{{- end }}
{{- if has "cri-o" .runtimes }}
- {name: crio-config, path: /etc/crio, readOnly: true}
- {name: crio-certs, path: /etc/containers/certs.d, readOnly: false}
- {name: crio-registries, path: /etc/containers/registries.conf.d, readOnly: false}
{{- end }}
{{- if has "docker" .runtimes }}
- {name: docker-certs, path: /etc/docker/certs.d, readOnly: false}
{{- end }}
{{- end }}
{{- end }}

{{/* The host of the canary's image, which no resolver knows: the node's container runtime is told of it, or does not find it. */}}
{{- define "private-registry-operator.canaryHost" -}}
canary.{{ .Release.Namespace }}.invalid
{{- end }}

{{/* The canary's image. One name for all versions: the kubelet asks for it whenever a canary starts, and gets what its own Pod has. */}}
{{- define "private-registry-operator.canaryImage" -}}
{{ include "private-registry-operator.canaryHost" . }}/node-trust:self
{{- end }}

{{/*
Whether there is a canary. Docker cannot be led to another place than the host's own, and CRI-O may not have read yet where the newest
Pod is.
*/}}
{{- define "private-registry-operator.hasCanary" -}}
{{- and .Values.nodeTrust.canary.enabled (eq (join " " .Values.nodeTrust.runtimes) "containerd") }}
{{- end }}

{{/* What keeps the files of a node; the argument is a list of the root, the name of the DaemonSet and whether there is a canary. */}}
{{- define "private-registry-operator.nodeTrustContainer" -}}
{{- $name := index . 1 }}
{{- $canary := index . 2 }}
{{- with index . 0 }}name: node-trust
image: {{ include "private-registry-operator.image" (dict "image" .Values.image "default" .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [node-trust]
env:
  - name: NODE_NAME
    valueFrom:
      fieldRef:
        fieldPath: spec.nodeName
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  - name: DAEMON_SET
    value: {{ $name }}
  - name: CLUSTER_DOMAIN
    value: {{ .Values.clusterDomain }}
  - name: CONTAINERD_CERTS_DIR
    value: {{ .Values.nodeTrust.containerd.certsDir }}
  - name: CONTAINERD_CONFIG
    value: {{ .Values.nodeTrust.containerd.configDir }}/config.toml
  - name: LOG_LEVEL
    value: {{ .Values.log.level }}
  - name: LOG_FORMAT
    value: {{ .Values.log.format }}
  {{- if eq $canary "true" }}
  - name: CANARY_HOST
    value: {{ include "private-registry-operator.canaryHost" . }}
  - name: POD_IP
    valueFrom:
      fieldRef:
        fieldPath: status.podIP
  {{- end }}
ports:
  - name: admin
    containerPort: 5001
livenessProbe:
  httpGet:
    path: /livez
    port: admin
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 5
resources:
  {{- toYaml .Values.nodeTrust.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  {{- range $volume := include "private-registry-operator.nodeTrustVolumes" . | fromYamlArray }}
  - name: {{ $volume.name }}
    mountPath: /host{{ $volume.path }}
    readOnly: {{ $volume.readOnly }}
  {{- end }}
{{- end }}
{{- end }}

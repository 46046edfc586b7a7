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

{{/* The directories of a node that its runtime reads, and that of containerd's configuration. */}}
{{- define "private-registry-operator.nodeTrustVolumes" -}}
{{- with .Values.nodeTrust }}
{{- if has "containerd" .runtimes }}
- {name: containerd-config, path: {{ .containerd.configDir }}, readOnly: true}
- {name: containerd-certs, path: {{ .containerd.certsDir }}, readOnly: false}
{{- end }}
{{- if has "cri-o" .runtimes }}
- {name: crio-certs, path: /etc/containers/certs.d, readOnly: false}
- {name: crio-registries, path: /etc/containers/registries.conf.d, readOnly: false}
{{- end }}
{{- if has "docker" .runtimes }}
- {name: docker-certs, path: /etc/docker/certs.d, readOnly: false}
{{- end }}
{{- end }}
{{- end }}

{{/* The name of everything. */}}
{{- define "bugrelay.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What tells our pods from others; it must never change. */}}
{{- define "bugrelay.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bugrelay.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "bugrelay.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "bugrelay.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "bugrelay.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "bugrelay.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "bugrelay.configMapName" -}}
{{- default (include "bugrelay.fullname" .) .Values.existingConfigMap -}}
{{- end -}}

{{/* What `bugrelay` needs to find its configuration, for `run` and for `check`. */}}
{{- define "bugrelay.env" -}}
- name: BUGRELAY_CONFIG
  value: /etc/bugrelay/config/bugrelay.toml
- name: BUGRELAY_QUEUE__STORE
  value: {{ if eq .Values.store.type "file" }}sqlite:/var/lib/bugrelay/bugrelay.db{{ else }}database{{ end }}
- name: BUGRELAY_ADMIN__LISTEN
  value: {{ printf "%s:%v" .Values.listenAddress .Values.port | quote }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Mounts without the store. */}}
{{- define "bugrelay.volumeMounts" -}}
- name: config
  mountPath: /etc/bugrelay/config
  readOnly: true
{{- if .Values.existingSecret }}
- name: secret
  mountPath: /etc/bugrelay/secret
  readOnly: true
{{- end }}
{{- range .Values.tls }}
- name: tls-{{ .name }}
  mountPath: /etc/bugrelay/tls/{{ .name }}
  readOnly: true
{{- end }}
- name: tmp
  mountPath: /tmp
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "bugrelay.volumes" -}}
- name: config
  configMap:
    name: {{ include "bugrelay.configMapName" . }}
{{- with .Values.existingSecret }}
- name: secret
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- range .Values.tls }}
- name: tls-{{ .name }}
  {{- if .secret }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
  {{- else }}
  configMap:
    name: {{ .configMap }}
  {{- end }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

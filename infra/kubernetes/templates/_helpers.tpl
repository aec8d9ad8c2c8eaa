{{/* Labels of one process; call with (dict "root" $ "service" "imaging" "role" "worker"). */}}
{{- define "depesha.name" -}}
{{ .root.Release.Name }}-{{ .service }}{{ if .role }}-{{ .role }}{{ end }}
{{- end }}

{{- define "depesha.labels" -}}
app.kubernetes.io/name: depesha
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{ include "depesha.selector" . }}
{{- end }}

{{- define "depesha.selector" -}}
depesha/release: {{ .root.Release.Name }}
depesha/service: {{ .service }}
depesha/role: {{ .role | default "once" }}
{{- end }}

{{/* Nothing runs as root, nothing is written but /tmp, nothing is gained. */}}
{{- define "depesha.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: tmp
    emptyDir: {medium: Memory, sizeLimit: 512Mi}
{{- end }}

{{- define "depesha.container" -}}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "depesha.resources" -}}
resources:
  requests: {cpu: {{ .cpu | quote }}, memory: {{ .memory }}}
  limits: {memory: {{ .memoryLimit }}}
{{- end }}

{{- define "depesha.secret" -}}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .root.Values.existingSecret }}, key: {{ .key }}}}
{{- end }}

{{/* The settings of one process, as docker-compose.yml gives them. */}}
{{- define "depesha.env" -}}
{{- $v := .root.Values }}
{{- $upper := upper .service }}
- {name: DEPESHA_HOST, value: "0.0.0.0"}
- {name: DEPESHA_PORT, value: "8000"}
- {name: DEPESHA_METRICS_PORT, value: "9100"}
- {name: DEPESHA_LOG_LEVEL, value: {{ $v.logLevel }}}
- {name: DEPESHA_TIME_ZONE, value: {{ $v.newsroom.timeZone }}}
- {name: DEPESHA_S3_ENDPOINT, value: {{ $v.s3.endpoint | quote }}}
- {name: DEPESHA_S3_REGION, value: {{ $v.s3.region }}}
- {name: DEPESHA_PRIVATE_BUCKET, value: {{ $v.s3.privateBucket }}}
- {name: DEPESHA_PUBLIC_BUCKET, value: {{ $v.s3.publicBucket }}}
- {name: DEPESHA_PUBLIC_URL, value: {{ $v.s3.publicUrl | quote }}}
{{- if has .service (list "ingestion" "delivery") }}
- {name: DEPESHA_ALLOWED_NETWORKS, value: {{ $v.newsroom.allowedNetworks | quote }}}
{{- end }}
{{- if and $v.otlpEndpoint (ne .service "relay") }}
- {name: DEPESHA_OTLP_ENDPOINT, value: {{ $v.otlpEndpoint | quote }}}
{{- end }}
- {name: DEPESHA_DESK_URL, value: {{ $v.newsroom.deskUrl | quote }}}
{{- $root := .root }}
{{- range list "ingestion" "imaging" "tagging" "publication" }}
- {name: DEPESHA_{{ upper . }}_URL, value: "http://{{ $root.Release.Name }}-{{ . }}-api:8000"}
{{- end }}
- {name: DEPESHA_DELIVERY_URL, value: {{ ternary $v.newsroom.deliveryUrl (printf "http://%s-delivery-api:8000" .root.Release.Name) (eq .service "delivery") | quote }}}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_DATABASE_URL" "key" (printf "%s_DATABASE_URL" $upper)) }}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_REDIS_URL" "key" "REDIS_URL") }}
{{- if has .service $v.s3.services }}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_S3_ACCESS_KEY" "key" (printf "%s_S3_ACCESS_KEY" $upper)) }}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_S3_SECRET_KEY" "key" (printf "%s_S3_SECRET_KEY" $upper)) }}
{{- end }}
{{- if has .service (list "ingestion" "delivery") }}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_SECRET_KEYS" "key" "SECRET_KEYS") }}
{{- end }}
{{- if eq .service "imaging" }}
{{- with $v.contentCredentials.trustAnchors }}
- {name: DEPESHA_C2PA_TRUST_ANCHORS, value: {{ . | quote }}}
{{- end }}
{{- if $v.contentCredentials.sign }}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_C2PA_CERTIFICATE" "key" "C2PA_CERTIFICATE") }}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_C2PA_KEY" "key" "C2PA_KEY") }}
{{- end }}
{{- end }}
{{- if eq .service "desk" }}
{{ include "depesha.secret" (dict "root" .root "name" "DEPESHA_SERVICE_TOKEN" "key" "DESK_TOKEN") }}
{{- end }}
{{- end }}

{{/* Copies of one process on different nodes where there are some. */}}
{{- define "depesha.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "depesha.selector" . | nindent 8 }}
{{- end }}

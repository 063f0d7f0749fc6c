{{- define "assay-audit.labels" -}}
app.kubernetes.io/name: assay-audit
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: audit
app.kubernetes.io/part-of: assay
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "assay-audit.selector" -}}
app.kubernetes.io/name: assay-audit
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "toolforged.labels" -}}
app.kubernetes.io/name: toolforged
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "toolforged.selector" -}}
app.kubernetes.io/name: toolforged
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "toolforged.shard" -}}
toolforge.org/shard: {{ . | quote }}
{{- end }}

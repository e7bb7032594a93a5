{{- define "dicer.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Nothing, where the release's namespace can be dicer's alone. */}}
{{- define "dicer.checkNamespace" -}}
{{- if has .Release.Namespace (list "default" "kube-system" "kube-public" "kube-node-lease") }}
{{- printf "release namespace %q: want one that is dicer's alone, as by --namespace dicer-system --create-namespace: its ResourceQuota would count the critical pods of others" .Release.Namespace | fail }}
{{- end }}
{{- end }}

{{- /* Whether there is fan-out: true, or nothing. A values file's off without
quotes is false. */}}
{{- define "dicer.fanout" -}}
{{- if not (has .Values.fanout.mode (list "off" false)) }}true{{ end }}
{{- end }}

{{- /* The namespaces that fan-out writes to, as JSON. The release's own cannot be
one: its Role for the Lease has the same name. */}}
{{- define "dicer.fanoutNamespaces" -}}
{{- $namespaces := prepend .Values.fanout.targetNamespaces .Values.goldenImagesNamespace | uniq }}
{{- if has .Release.Namespace $namespaces }}
{{- printf "goldenImagesNamespace, fanout.targetNamespaces: %q is the release's namespace; want others, fan-out's Role there is for its Lease" .Release.Namespace | fail }}
{{- end }}
{{- toJson $namespaces }}
{{- end }}

{{- /* The webhook's settings that no manifest of deploy/ has: Deny is its own
default. values.schema.json keeps those out that are set elsewhere. */}}
{{- define "dicer.moreSettings" }}
{{- if ne .Values.validationAction "Deny" }}
DICER_VALIDATION_ACTION: {{ .Values.validationAction | quote }}
{{- end }}
{{- range $name, $value := .Values.extraSettings }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{- /* The end of a ConfigMap's name, from its data: kustomize's hash, for the
same names. (Where kustomize looks for the ConfigMap's name, it finds none.) A
change rolls the pods, which read their settings only at their start. helm
upgrade deletes the old ConfigMap at once: an old pod whose container has to start
again then waits for the rollout's end. */}}
{{- define "dicer.hash" -}}
{{ dict "kind" "ConfigMap" "name" "" "data" . | toJson | sha256sum | trunc 10 | replace "0" "g" | replace "1" "h" | replace "3" "k" | replace "a" "m" | replace "e" "t" }}
{{- end }}

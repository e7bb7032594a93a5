{{- /* Written by make generate, from the manifests of deploy/. Not to be edited. */}}
{{- define "dicer.settings" -}}
DICER_ARCHITECTURES: {{ join "," .Values.architectures | quote }}
DICER_GOLDEN_IMAGES_NAMESPACE: {{ .Values.goldenImagesNamespace | quote }}
{{- include "dicer.moreSettings" . }}
{{- end }}

{{- define "dicer.settingsName" -}}
dicer-webhook-{{ include "dicer.settings" . | fromYaml | include "dicer.hash" }}
{{- end }}

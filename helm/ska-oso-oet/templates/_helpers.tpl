{{/* The name of what the release has once: one that a Service may have, and short enough for all that is added. */}}
{{- define "ska-oso-oet.name" -}}
{{- $name := .Release.Name | replace "." "-" -}}
{{- if not (contains "oet" $name) }}{{ $name = printf "%s-oet" $name }}{{ end -}}
{{- if regexMatch "^[0-9]" $name }}{{ $name = printf "oet-%s" $name }}{{ end -}}
{{- if gt (len $name) 42 }}{{ $name = printf "%s-%s" ($name | trunc 33 | trimSuffix "-") (.Release.Name | sha256sum | trunc 8) }}{{ end -}}
{{- $name -}}
{{- end }}

{{/* The numbers of the subarrays, as JSON; a count means so many from 1 on. */}}
{{- define "ska-oso-oet.subarrays" -}}
{{- if kindIs "slice" .Values.subarrays }}{{ toJson .Values.subarrays }}{{ else }}{{ toJson (untilStep 1 (int (add1 .Values.subarrays)) 1) }}{{ end -}}
{{- end }}

{{/* The name of what belongs to one subarray, given (list $ NUMBER). */}}
{{- define "ska-oso-oet.subarray" -}}
{{- printf "%s-%d" (include "ska-oso-oet.name" (first .)) (int (last .)) -}}
{{- end }}

{{/* What pods are found by: never changes, since a StatefulSet cannot change it. */}}
{{- define "ska-oso-oet.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The same for one subarray, given (list $ NUMBER). */}}
{{- define "ska-oso-oet.subarraySelector" -}}
{{ include "ska-oso-oet.selector" (first .) }}
app.kubernetes.io/component: subarray-{{ int (last .) }}
{{- end }}

{{- define "ska-oso-oet.labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "ska-oso-oet.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "ska-oso-oet.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "ska-oso-oet.name" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* Where a subarray answers, given (list $ NUMBER or placeholder). */}}
{{- define "ska-oso-oet.base" -}}
{{- $ := first . -}}
/{{ $.Release.Namespace }}/oet/{{ last . }}/api/v{{ (semver $.Chart.AppVersion).Major }}
{{- end }}

{{/* The settings of one subarray as a mapping, given (list $ NUMBER). */}}
{{- define "ska-oso-oet.settings" -}}
{{- $ := first . -}}
{{- $id := int (last .) -}}
{{- $auth := $.Values.auth -}}
{{- if $auth.enabled -}}
  {{- if not (and $auth.issuers $auth.audiences) -}}
    {{- fail "auth.issuers and auth.audiences say whose tokens are accepted: give both, or set auth.enabled=false to let everybody who can reach a server command its subarray" -}}
  {{- end -}}
{{- else if or $auth.issuers $auth.audiences -}}
  {{- fail "auth.enabled=false and auth.issuers or auth.audiences contradict each other: leave out one of them" -}}
{{- end -}}
{{- $telescope := $.Values.telescope -}}
{{- $chosen := dict
    "OET_HOST" "0.0.0.0"
    "OET_PORT" "5000"
    "OET_STATE_DIR" "/var/lib/oet/state"
    "OET_SUBARRAY_ID" (toString $id)
    "KUBE_NAMESPACE" $.Release.Namespace
    "OET_URL" (printf "http://127.0.0.1:5000%s" (include "ska-oso-oet.base" (list $ $id)))
    "OET_AUTH" (ternary "" "off" $auth.enabled)
    "OET_AUTH_ISSUER" (join "," $auth.issuers)
    "OET_AUTH_AUDIENCE" (join "," $auth.audiences)
    "OET_AUTH_CLIENT_ID" $auth.clientId
    "OET_AUTH_SCOPES" $auth.scopes
    "OET_AUTH_READ" (join "," $auth.read)
    "OET_AUTH_EXECUTE" (join "," $auth.execute)
    "OET_AUTH_SUBARRAY_CLAIM" $auth.subarrayClaim
    "SKA_TELESCOPE" $telescope.name
    "TANGO_HOST" $telescope.tangoHost
    "SUBARRAYNODE_TRL_PREFIX" $telescope.subarrayPrefix
    "CENTRALNODE_TRL" $telescope.centralNode
    "QUALITYMONITOR_TRL_PREFIX" $telescope.qualityMonitorPrefix
    "QUALITYMONITOR_ATTRIBUTE" $telescope.qualityMonitorAttribute
    "OET_TMC_INTERFACES" $telescope.interfaces
    "OET_OBSERVATORY" (ternary (toJson $telescope.observatory) "" (gt (len $telescope.observatory) 0))
    "OET_WAIT_FOR_QA_READY" (toString $telescope.waitForQA)
    "OET_ODA_URL" $.Values.archive.url
    "OET_ODA_STATUSES" (join "," $.Values.archive.statuses)
    "OET_ODA_CLIENT_ID" $.Values.archive.client.id
    "OET_ODA_TOKEN_URL" $.Values.archive.client.tokenUrl
    "OET_ODA_SCOPE" $.Values.archive.client.scope
    "OET_GIT_REPO" $.Values.git.repository
    "OET_GIT_ALLOWED" (join "," $.Values.git.allowed)
    "OET_PIP_INDEX_URL" $.Values.packages.index
    "OET_PIP_EXTRA_INDEX_URL" (join " " $.Values.packages.extraIndexes)
    "OET_STOP_GRACE" (printf "%d s" (int $.Values.stop.graceSeconds))
    "OET_CRITICAL_LIMIT" (printf "%d s" (int $.Values.stop.criticalSeconds))
    "OET_SCRIPT_ISOLATION" $.Values.scripts.isolation
    "OET_SCRIPT_ACCOUNT" (ternary $.Values.scripts.account "" (eq $.Values.scripts.isolation "uid"))
    "OET_SCRIPT_READS" (join ":" $.Values.scripts.reads)
    "OET_SCRIPT_WRITES" (join ":" $.Values.scripts.writes)
    "OET_ABORT_TIMEOUT" (printf "%d s" (int $.Values.stop.abortSeconds))
-}}
{{- if $.Values.git.credentials.secret -}}
  {{- $_ := set $chosen "OET_GIT_CREDENTIALS" "/run/secrets/oet/git/credentials" -}}
{{- end -}}
{{- if $.Values.archive.token.secret -}}
  {{- $_ := set $chosen "OET_ODA_TOKEN_FILE" "/run/secrets/oet/archive/token/token" -}}
{{- end -}}
{{- if $.Values.archive.client.secret -}}
  {{- $_ := set $chosen "OET_ODA_CLIENT_SECRET_FILE" "/run/secrets/oet/archive/client/secret" -}}
{{- end -}}
{{- if $.Values.archive.ca.secret -}}
  {{- $_ := set $chosen "OET_ODA_CA_FILE" "/run/secrets/oet/archive/ca/ca.crt" -}}
{{- end -}}
{{- if $.Values.packages.credentials.secret -}}
  {{- $_ := set $chosen "OET_PIP_CREDENTIALS" "/run/secrets/oet/packages/netrc" -}}
{{- end -}}
{{- if $.Values.ingress.enabled -}}
  {{- $_ := set $chosen "OET_TRUSTED_PROXIES" (join "," $.Values.ingress.trustedProxies) -}}
{{- end -}}
{{- range $name, $value := $chosen -}}
  {{- if not $value }}{{ $_ := unset $chosen $name }}{{ end -}}
{{- end -}}
{{- toYaml (merge $chosen $.Values.settings) -}}
{{- end }}

{{- define "ska-oso-oet.podSecurity" -}}
{{- if eq .Values.scripts.isolation "uid" }}
runAsUser: 0  # only root gives scripts another account
runAsGroup: 0
{{- else }}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "ska-oso-oet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  {{- if eq .Values.scripts.isolation "uid" }}
  add: [CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID]  # given up by every script
  {{- end }}
{{- end }}

{{/* What pods have to reach, with the URLs that tell at which ports. */}}
{{- define "ska-oso-oet.reached" -}}
{{- $reached := dict
    "git" (append .Values.git.allowed .Values.git.repository)
    "packages" (append .Values.packages.extraIndexes .Values.packages.index)
-}}
{{- if .Values.telescope.tangoHost }}{{ $_ := set $reached "tango" list }}{{ end -}}
{{- if .Values.auth.enabled }}{{ $_ := set $reached "oidc" .Values.auth.issuers }}{{ end -}}
{{- if .Values.archive.url }}{{ $_ := set $reached "archive" (list .Values.archive.url .Values.archive.client.tokenUrl) }}{{ end -}}
{{- if .Values.database.secret }}{{ $_ := set $reached "postgresql" list }}{{ end -}}
{{- with get .Values.settings "OTEL_EXPORTER_OTLP_ENDPOINT" }}{{ $_ := set $reached "otlp" (list .) }}{{ end -}}
{{- toYaml $reached -}}
{{- end }}

{{/* The ports of a NetworkPolicy, given (list URLS VALUES): those of URLs, and those that the values add. */}}
{{- define "ska-oso-oet.ports" -}}
{{- $ports := list -}}
{{- range first . -}}
  {{- if regexMatch "^https?://" . -}}
    {{- $given := regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" -}}
    {{- $ports = append $ports ($given | default (ternary "443" "80" (hasPrefix "https:" .))) -}}
  {{- else if hasPrefix "postgresql://" . -}}
    {{- $ports = append $ports (regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default "5432") -}}
  {{- end -}}
{{- end -}}
{{- range (last .).ports }}{{ $ports = append $ports (toString .) }}{{ end -}}
{{- range uniq $ports }}
- protocol: TCP
  port: {{ regexFind "^[0-9]+" . }}
  {{- with regexFind "-[0-9]+$" . }}
  endPort: {{ trimPrefix "-" . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Every pod, and every address but those a cloud or a node keeps for its own. */}}
{{- define "ska-oso-oet.anywhere" -}}
- namespaceSelector: {}
- ipBlock:
    cidr: 0.0.0.0/0
    except: [169.254.0.0/16, 100.100.100.200/32, 168.63.129.16/32, 192.0.0.192/32]
- ipBlock:
    cidr: "::/0"
    except: ["fe80::/10", "fd00:ec2::/32", "fd20:ce::/32"]
{{- end }}

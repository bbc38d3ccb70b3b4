#!/bin/bash
# Installs toolforged by its Helm chart, or upgrades it, and waits until it is ready.
#
# IMAGE       the image of toolforged, as deploy/image.sh prints it
# KUBECTL     the kubectl to use (default kubectl); KUBECONFIG says for which cluster
# VOLUMES     for the local cluster: the directory of this machine that holds the tools' shared volume (default: there is none)
# REGISTRY_CREDENTIALS  directory whose config.json, as `docker login` writes it, holds the account of the registry (default:
#             it asks for none)
# GIT_ADDRESSES  addresses of git servers that may be asked although they are not public, with commas (default: none)
# WEBHOOKS    true for webhooks: their secret is made, if it is not there, as the key `default` of the Secret webhooks in namespace
#             toolforged (default: none)
# POLL_MIN    see polling.min of the chart's values (default 10s)
# CANCEL_SUPERSEDED  see builds.cancelSuperseded there (default false)
# BUILD_ENGINE  pods or tekton (default pods)
# REGISTRY, REGISTRY_PLAIN_HTTP, DOMAIN, SITE_SCHEME, SITE_PORT, ROLLOUT_DEADLINE, STATUS, JOB_LOGS, SMTP_ADDRESS,
#             MAIL_INTERVAL  see the chart's values
set -euo pipefail
export LC_ALL=C

KUBECTL=${KUBECTL:-kubectl}
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/toolforged
mkdir -p "$cache/bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=../buildpacks/versions.env
. "$here/../buildpacks/versions.env"
# shellcheck source=../buildpacks/builder/tools.sh
. "$here/../buildpacks/builder/tools.sh"

helm=$(go_tool helm helm.sh/helm/v3 "$HELM_VERSION" ./cmd/helm)
sed "s|@REGISTRY@|$REGISTRY|g" "$here/catalog.yaml" > "$work/catalog.yaml"
volumes=()
if [ -n "${VOLUMES:-}" ]; then
  sed "s|@VOLUMES@|$VOLUMES|" "$here/../localcluster/values.yaml" > "$work/values.yaml"
  volumes=(--values "$work/values.yaml")
fi
mail=()
if [ -n "${SMTP_ADDRESS:-}" ]; then
  mail=(--set "mail.smtp.address=$SMTP_ADDRESS,mail.smtp.plainText=true,mail.from=toolforge@$DOMAIN,mail.interval=${MAIL_INTERVAL:-10m}"
    --set-string "mail.to=tools.%s@$DOMAIN")
fi
# secret NAMESPACE puts the account there, for the daemon or for the builds.
secret() {
  "$KUBECTL" create secret generic registry --namespace "$1" --type=kubernetes.io/dockerconfigjson \
    --from-file=.dockerconfigjson="$REGISTRY_CREDENTIALS/config.json" --dry-run=client --output=yaml |
    "$KUBECTL" apply --server-side --force-conflicts --field-manager=install -f - > /dev/null
}
account=()
if [ -n "${REGISTRY_CREDENTIALS:-}" ]; then
  account=(--set registry.secret=registry)
  "$KUBECTL" create namespace toolforged --dry-run=client --output=yaml | "$KUBECTL" apply --server-side --field-manager=install -f - > /dev/null
  secret toolforged
fi
webhooks=()
if [ -n "${WEBHOOKS:-}" ]; then
  webhooks=(--set webhooks.secret=webhooks)
  "$KUBECTL" create namespace toolforged --dry-run=client --output=yaml | "$KUBECTL" apply --server-side --field-manager=install -f - > /dev/null
  "$KUBECTL" get secret webhooks --namespace toolforged > /dev/null 2>&1 ||
    "$KUBECTL" create secret generic webhooks --namespace toolforged --from-literal=default="$(head -c 24 /dev/urandom | base64)" > /dev/null
fi
# Helm installs CustomResourceDefinitions once and never upgrades them.
"$KUBECTL" apply --server-side --field-manager=helm -f "$here/toolforged/crds/" > /dev/null
"$helm" upgrade --install toolforged "$here/toolforged" --namespace toolforged --create-namespace \
  --values "$work/catalog.yaml" "${volumes[@]}" "${mail[@]}" "${account[@]}" "${webhooks[@]}" --set polling.min="${POLL_MIN:-10s}" \
  --set image="$IMAGE",domain="$DOMAIN",site.scheme="$SITE_SCHEME",site.port="$SITE_PORT",registry.prefix="$REGISTRY",registry.plainHTTP="${REGISTRY_PLAIN_HTTP:-false}",builds.engine="${BUILD_ENGINE:-pods}",builds.cancelSuperseded="${CANCEL_SUPERSEDED:-false}",rolloutDeadline="${ROLLOUT_DEADLINE:-5m}",status.url="${STATUS:-}",status.jobLogs="${JOB_LOGS:-false}" \
  --set sources.addresses="{${GIT_ADDRESSES:-}}" \
  --wait --timeout 3m > "$work/helm.log" 2>&1 || { cat "$work/helm.log" >&2; exit 1; }
[ -z "${REGISTRY_CREDENTIALS:-}" ] || secret toolforge-builds # a namespace of the chart's
"$KUBECTL" label namespace toolforged pod-security.kubernetes.io/enforce=restricted --overwrite > /dev/null
"$KUBECTL" wait builder,catalogimage --all --for=condition=Ready --timeout=60s

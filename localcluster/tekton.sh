#!/bin/bash
# Runs a command while builds on the local cluster are Tekton's: with the real controller, built from its module, as a process
# of this machine, and toolforged installed so that it makes TaskRuns. Then all is as it was before. Tekton's webhook is not there:
# its checks and defaults are for what people write.
#
# usage: localcluster/tekton.sh COMMAND [ARGUMENT]...     (with the Makefile's environment: make slow-tekton)
set -euo pipefail
export LC_ALL=C

TEKTON_VERSION=1.10.0
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/toolforged
mkdir -p "$cache/bin"
work=$(mktemp -d)
# shellcheck source=../buildpacks/versions.env
. "$here/../buildpacks/versions.env"
# shellcheck source=../buildpacks/builder/tools.sh
. "$here/../buildpacks/builder/tools.sh"
say() { echo "tekton: $*" >&2; }

pipeline=github.com/tektoncd/pipeline
controller=$(go_tool tekton-controller $pipeline $TEKTON_VERSION ./cmd/controller) # minutes, the first time
entrypoint=$(go_tool tekton-entrypoint $pipeline $TEKTON_VERSION ./cmd/entrypoint)
crane=$(go_tool crane github.com/google/go-containerregistry "$CRANE_VERSION" ./cmd/crane)
config=$(module_directory $pipeline v$TEKTON_VERSION)/config

process=
finish() {
  status=$?
  trap - EXIT
  say "making builds pods again"
  make --no-print-directory -C "$here/.." install BUILD_ENGINE=pods > "$work/install.log" 2>&1 || cat "$work/install.log" >&2
  [ -z "$process" ] || kill "$process" 2> /dev/null || true
  "$KUBECTL" delete --ignore-not-found --wait=false -f "$config/300-crds" > /dev/null || true
  "$KUBECTL" delete --ignore-not-found --wait=false namespace tekton-pipelines > /dev/null || true
  if [ $status -ne 0 ]; then
    say "the end of the controller's log:"
    tail -n 40 "$work/controller.log" >&2 || true
  fi
  rm -rf "$work"
  exit $status
}
trap finish EXIT

say "putting its program for steps into the registry"
mkdir -p "$work/root/ko-app"
cp "$entrypoint" "$work/root/ko-app/entrypoint"
tar -C "$work/root" --sort=name --numeric-owner --owner=0 --group=0 --mode=go-w,a+rX --mtime=@0 -czf "$work/layer.tar.gz" .
"$crane" append --platform linux/amd64 --oci-empty-base --new_layer "$work/layer.tar.gz" --new_tag "$REGISTRY_PUSH/tekton/entrypoint:v$TEKTON_VERSION" > /dev/null 2>&1
image=$REGISTRY/tekton/entrypoint@$("$crane" digest "$REGISTRY_PUSH/tekton/entrypoint:v$TEKTON_VERSION")

say "applying its definitions and configuration"
"$KUBECTL" apply --server-side -f "$config/100-namespace" > /dev/null
"$KUBECTL" apply --server-side -f "$config/300-crds" > /dev/null
for file in "$config"/config-*.yaml; do
  "$KUBECTL" apply --server-side -f "$file" > /dev/null
done
# Its own containers fit into the namespace of the builds, which takes no others.
"$KUBECTL" patch configmap -n tekton-pipelines feature-flags --type=merge -p '{"data": {"set-security-context": "true"}}' > /dev/null
# The port of metrics may be somebody else's on this machine.
"$KUBECTL" patch configmap -n tekton-pipelines config-observability --type=merge -p '{"data": {"metrics-protocol": "none"}}' > /dev/null
"$KUBECTL" wait --for=condition=Established --timeout=60s -f "$config/300-crds" > /dev/null

# "down" of the local cluster ends it by this variable, should this script be killed.
say "starting the controller"
TOOLFORGED_LOCALCLUSTER=$here/../.local SYSTEM_NAMESPACE=tekton-pipelines PROBES_PORT=10282 \
  CONFIG_LOGGING_NAME=config-logging CONFIG_OBSERVABILITY_NAME=config-observability CONFIG_DEFAULTS_NAME=config-defaults \
  CONFIG_FEATURE_FLAGS_NAME=feature-flags CONFIG_LEADERELECTION_NAME=config-leader-election-controller CONFIG_SPIRE=config-spire \
  "$controller" -disable-ha -kubeconfig "$KUBECONFIG" -entrypoint-image "$image" -nop-image "$image" \
  -sidecarlogresults-image "$image" -workingdirinit-image "$image" -shell-image "$image" -shell-image-win "$image" \
  > "$work/controller.log" 2>&1 &
process=$!

say "making builds TaskRuns"
make --no-print-directory -C "$here/.." install BUILD_ENGINE=tekton > "$work/install.log" 2>&1 || { cat "$work/install.log" >&2; exit 1; }
kill -0 $process
TEKTON=1 "$@"

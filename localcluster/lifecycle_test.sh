#!/bin/bash
# Proves on this machine, as root, that the local cluster starts, starts again,
# keeps to network policies, gets over being killed, replaces another checkout's,
# and leaves nothing of its own and everything of others when it stops. It ends with the cluster stopped.
#
#   lifecycle_test.sh [BINARY]      BINARY: default ../.local/bin/localcluster
#
# It works on copies, each with a root of its own: nothing of the checkout's
# cluster is changed, but that it is stopped.
#
# It needs what "localcluster up" needs, and fails rather than skips without it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
built=$(dirname "$(realpath "${1:-$here/../.local/bin/localcluster}")")
work=$(mktemp -d)
bin=$work/own/.local/bin/localcluster
other=$work/other/.local
PATH=$PATH:/usr/sbin:/sbin

say() { printf '\n--- %s\n' "$*"; }
fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }

# marked lists the processes of any cluster, by their environment.
marked() { grep -lsz '^TOOLFORGED_LOCALCLUSTER=' /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 || true; }

# grouped lists the processes in pods.
grouped() { grep -ls '/toolforged-local' /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3 || true; }

# listening lists where they listen. The same program may serve somebody else's tests on this machine.
listening() {
  # shellcheck disable=SC2046
  ss -Hltnup | grep -F -f <(printf 'pid=%s,\n' $(marked) $(grouped)) | awk '{print $5}' || true
}

# machine prints what a cluster could leave behind, in a form that is the same
# before and after.
machine() {
  echo "# devices"; ip -o link | awk -F': ' '{print $2}' | sort
  echo "# addresses"; ip -o -4 addr | awk '{print $2, $4}' | sort
  echo "# routes"; ip -4 route | sort
  echo "# network namespaces"; ip netns | sort; ls /run/netns 2>/dev/null | sort
  for family in iptables ip6tables; do
    echo "# $family"; "$family-save" | grep -E '^(-A|:.* - )' | sed 's/ \[.*//' | sort || true
  done
  echo "# nftables"; nft list tables | grep -E 'toolforge|lifecycle' || true
  echo "# mounts"; grep -E 'toolforged|/\.local/' /proc/self/mountinfo | cut -d' ' -f4- || true
  echo "# control groups"; find /sys/fs/cgroup -type d -name '*toolforged*'
  echo "# listening"; listening
  echo "# files"; ls -d /run/toolforged-local /var/log/containers/* /run/containerd/s/* \
    /var/lib/cni/results/* 2>/dev/null || true
  echo "# settings"; sysctl net.ipv4.ip_forward vm.overcommit_memory kernel.panic kernel.panic_on_oops
}

clean_is() {
  machine > "$work/now"
  diff -u "$work/before" "$work/now" || fail "$1: the machine is not as it was before"
  [ -z "$(marked)$(grouped)" ] || fail "$1: processes are left: $(marked) $(grouped)"
  echo "nothing is left"
}

k() { "$bin" kubectl --kubeconfig "$(dirname "$(dirname "$bin")")/kubeconfig" "$@"; }

# run starts a pod of the cluster's own image.
run() {
  local image
  image=$(sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$(dirname "$(dirname "$bin")")/config/containerd.toml")
  k run --image="$image" --image-pull-policy=Never "$@" > /dev/null
}

# pod_runs starts a pod that stays, so that stopping has something to stop.
pod_runs() {
  k delete pod stays --now --ignore-not-found > /dev/null
  run stays
  k wait pod/stays --for=condition=Ready --timeout=60s
}

# neighbours starts two pods in one namespace and one in another, with a Service
# before the first.
neighbours() {
  for namespace in home abroad; do
    k create namespace $namespace > /dev/null
    k -n $namespace wait --for=create serviceaccount/default --timeout=30s > /dev/null
  done
  run -n home server --port=8080 --command -- /probe -serve 8080
  run -n home friend
  run -n abroad stranger
  k -n home create -f - > /dev/null <<'END'
{apiVersion: v1, kind: Service, metadata: {name: server}, spec: {selector: {run: server}, ports: [
  {name: tcp, port: 80, targetPort: 8080}, {name: udp, protocol: UDP, port: 80, targetPort: 8080}]}}
END
}

# policy makes the network policy $2 of the namespace $1, with the spec $3.
policy() {
  printf '{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: "%s", namespace: "%s"}, spec: %s}' \
    "$2" "$1" "$3" | k apply -f - > /dev/null
}

# reaches fails unless the pod $2 of the namespace $1 reaches the server by the
# protocols in $3, and by no other: at its own address, and by its Service.
reaches() {
  local address targets=()
  k -n home wait pod/server --for=condition=Ready --timeout=60s > /dev/null
  k -n "$1" wait "pod/$2" --for=condition=Ready --timeout=60s > /dev/null
  for address in "$(k -n home get pod server -o jsonpath='{.status.podIP}'):8080" server.home.svc.cluster.local:80; do
    case $3 in *tcp*) targets+=("$address") ;; *) targets+=("!$address") ;; esac
    case $3 in *udp*) targets+=("udp/$address") ;; *) targets+=("!udp/$address") ;; esac
  done
  k -n "$1" exec "$2" -- /probe "${targets[@]}" || fail "from $2: ${targets[*]}"
  echo "from $2: ${targets[*]}"
}

# bound fails when the cluster listens beyond loopback and its own bridge.
bound() {
  local beyond
  [ -n "$(listening)" ] || fail "it listens nowhere"
  beyond=$(listening | grep -vE '^(127\.0\.0\.1|10\.88\.0\.1):' || true)
  [ -z "$beyond" ] || fail "listening beyond loopback and the bridge: $beyond"
  echo "listens on loopback and the bridge only"
}

foreign() { # add or remove what belongs to somebody else
  if [ "$1" = add ]; then
    ip netns add lifecycle-foreign
    iptables -w -N CNI-FOREIGN
    iptables -w -A CNI-FOREIGN -m comment --comment 'name: "somebody" id: "x"' -j ACCEPT
    iptables -w -A FORWARD -i lifecycle-none -j CNI-FOREIGN
    nft add table inet lifecycle_foreign
    TOOLFORGED_SOMETHING=1 sleep 3600 & foreign_pid=$!
  else
    kill "$foreign_pid" 2>/dev/null || true
    iptables -w -D FORWARD -i lifecycle-none -j CNI-FOREIGN 2>/dev/null || true
    iptables -w -F CNI-FOREIGN 2>/dev/null || true
    iptables -w -X CNI-FOREIGN 2>/dev/null || true
    nft delete table inet lifecycle_foreign 2>/dev/null || true
    ip netns del lifecycle-foreign 2>/dev/null || true
  fi
}

[ "$(id -u)" = 0 ] || fail "this has to be run as root"
[ -x "$built/localcluster" ] || fail "there is no $built/localcluster"
missing=()
for need in ss:iproute2 ip:iproute2 iptables:iptables nft:nftables sysctl:procps; do
  command -v "${need%:*}" > /dev/null || missing+=("${need#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing from Debian what this test looks with: ${missing[*]}"
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
install -D -t "$work/own/.local/bin" "$built"/{localcluster,pause,probe}
install -D -t "$other/bin" "$built"/{localcluster,pause,probe}

say "stopping what runs, twice"
"$bin" down
"$bin" down
foreign_pid=
trap 'foreign remove; "$bin" down > /dev/null; rm -rf "$work"' EXIT
foreign add
machine > "$work/before"

say "up, and up again"
"$bin" up
"$bin" up | tee "$work/again"
grep -q 'already' "$work/again" || fail "the second start did not see that the cluster runs"
bound
pod_runs

say "what a network policy forbids does not arrive, what it allows does"
neighbours
reaches home friend tcp,udp
reaches abroad stranger tcp,udp
policy home own '{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}'
reaches home friend tcp,udp
reaches abroad stranger none
timeout 5 bash -c "echo > /dev/tcp/$(k -n home get service server -o jsonpath='{.spec.clusterIP}')/80" ||
  fail "the node does not reach a pod with a policy"
policy home abroad '{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 8080}]}]}'
reaches abroad stranger tcp
policy abroad out '{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}'
reaches abroad stranger none
k -n home delete networkpolicy own abroad > /dev/null
reaches abroad stranger none
reaches home friend tcp,udp

say "every process killed at once; up"
# shellcheck disable=SC2046
kill -9 $(marked) $(grouped)
"$bin" up
k wait pod/stays --for=condition=Ready --timeout=60s
bound
reaches abroad stranger none
reaches home friend tcp,udp

say "half of it killed; down"
pod_runs
kill -9 "$(cat "$(dirname "$(dirname "$bin")")/run/containerd.pid")" \
  "$(cat "$(dirname "$(dirname "$bin")")/run/kube-apiserver.pid")"
"$bin" down
clean_is "down with half of it there"

say "another checkout's cluster is replaced, and stopped from here"
"$bin" up
"$other/bin/localcluster" up
grep -qzx "TOOLFORGED_LOCALCLUSTER=$other" "/proc/$(cat "$other/run/etcd.pid")/environ" ||
  fail "the other checkout's cluster does not run"
"$bin" down
clean_is "down of another checkout's"

kill -0 "$foreign_pid" || fail "somebody else's process was stopped"
say "PASS"

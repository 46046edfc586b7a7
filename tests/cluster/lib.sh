# shellcheck shell=bash
# What every script of this folder shares: where things are kept, and how a step is told. Sourced, never run.
#
# CACHE  outlives a clone and is shared by all clones of a machine: programs, node images, the private Docker engine.
# STATE  belongs to this clone: environment, kubeconfig, logs. Git ignores it.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/private-registry
# shellcheck disable=SC2034 # used by the scripts
CLUSTER=${CLUSTER_NAME:-private-registry}
STATE=$ROOT/.cluster
[ "$CLUSTER" = private-registry ] || STATE+=/$CLUSTER # so that one clone can have several
LOGS=$STATE/logs
# shellcheck disable=SC2034
ENGINE=$CACHE/docker # the private Docker engine: see docker-up
# shellcheck disable=SC2034
AUDIT_LOG=/var/log/kubernetes/audit/operator.log # in the node: what the operator has asked for

mkdir -p "$CACHE" "$LOGS" "$STATE/bin"
# The programs this clone pins come first; the rest of the machine's PATH follows. sbin is not on every user's PATH.
case :$PATH: in *":$STATE/bin:"*) ;; *) PATH=$STATE/bin:$PATH:/usr/sbin:/sbin ;; esac
export PATH

if [ -t 1 ]; then BOLD=$'\033[1m' PLAIN=$'\033[0m'; else BOLD='' PLAIN=''; fi

# say TEXT...: announces what happens next.
say() { printf '%s\n' "$BOLD==>$PLAIN $*"; }

# note TEXT...: a detail below the last announcement.
note() { printf '    %s\n' "$*"; }

# fail TEXT...: says what went wrong and what to do, and ends the script.
fail() {
  printf '%s\n' "${BOLD}failed:$PLAIN $1" >&2
  shift
  [ $# -eq 0 ] || printf '        %s\n' "$@" >&2
  exit 1
}

# step NAME TEXT COMMAND...: runs COMMAND with its output in a log, shows the seconds go by, and the log's tail if it fails.
step() {
  local log=$LOGS/$1.log text=$2 start=$SECONDS pid status=0
  shift 2
  say "$text"
  set -m # a process group of its own, so that an interrupt ends all of it
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  set +m
  trap 'kill -- "-$pid" 2>/dev/null; exit 130' INT TERM
  wait_with_progress "$pid" "$log" || status=$?
  trap - INT TERM
  [ "$status" -eq 0 ] || {
    tail -n 25 "$log" | sed 's/^/    | /' >&2
    fail "$text (after $((SECONDS - start)) s)" "the whole log: $log"
  }
  [ $((SECONDS - start)) -lt 2 ] || note "done in $((SECONDS - start)) s"
}

# wait_with_progress PID LOG: a line every 20 seconds, so that nobody wonders whether a long step still lives.
wait_with_progress() {
  local start=$SECONDS next=20
  while kill -0 "$1" 2>/dev/null; do
    sleep 0.2
    [ $((SECONDS - start)) -lt $next ] || {
      note "$((SECONDS - start)) s: $(tail -n 1 "$2" | cut -c 1-100)"
      next=$((next + 20))
    }
  done
  wait "$1"
}

# exclusively NAME: one process of the machine at a time from here to the end of the script.
exclusively() {
  exec {LOCK}>"$CACHE/$1.lock"
  flock --nonblock "$LOCK" || {
    note "waiting for another run to finish ($CACHE/$1.lock)"
    flock "$LOCK"
  }
}

# given_cluster: whether KUBECONFIG is a user's own, not what .cluster/env has set.
given_cluster() { [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != "$STATE/kubeconfig" ]; }

# kube ARGUMENT...: kubectl on the cluster that `up` made.
kube() { kubectl --kubeconfig "$STATE/kubeconfig" "$@"; }

# use_docker: the engine that docker-up has found or started.
use_docker() {
  [ ! -f "$STATE/docker-host" ] || DOCKER_HOST=$(cat "$STATE/docker-host")
  [ -z "${DOCKER_HOST:-}" ] || export DOCKER_HOST
}

# engine_pid: that of our Docker engine, or nothing. A pid file alone proves nothing, the number may be somebody else's by now.
engine_pid() {
  local pid
  pid=$(cat "$ENGINE/dockerd.pid" 2>/dev/null) || return 0
  if { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "--data-root $ENGINE/data "; then echo "$pid"; fi
}

# engine_options RUNTIME: what a Docker engine needs here beyond its defaults, an option a line. Where root does not hold
# CAP_SYS_RESOURCE (bit 24), containers are run by RUNTIME, which asks for less; else a privileged one cannot be made.
engine_options() {
  (( 0x$(awk '/^CapBnd/ {print $2}' /proc/self/status) >> 24 & 1 )) ||
    printf '%s\n' --oom-score-adjust 0 --add-runtime "limited=$1" --default-runtime limited
}

# audit_policy: a copy of the policy that says what goes there, in a place that all clones of a machine share.
audit_policy() { echo "$CACHE/audit-policy-$(digest_of "$ROOT/tests/cluster/audit-policy.yaml").yaml"; }

# digest_of FILE...: a short name for the contents of files.
digest_of() { cat "$@" | sha256sum | cut -c 1-16; }

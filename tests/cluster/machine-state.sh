# shellcheck shell=bash
# What a Docker engine and a kubelet change outside their containers: noted before, put back after. Sourced.
#
# Only what was not there before is removed; in a packet filter table that was there, only Docker's own rules are.

RECORD=$ENGINE/machine-before

# The kubelet sets all but the first; Docker turns forwarding on.
SETTINGS=(net.ipv4.ip_forward vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes)
# Paths the engine makes on its way; removed if they were not there and are empty.
PLACES=(/lib/modules /etc/docker /opt/containerd/bin /opt/containerd/lib /opt/containerd /var/lib/docker /run/docker/plugins /run/docker /run/containerd/s /run/containerd)

# record_machine_state: once a boot, so that a second start after a crash does not take the first one's traces for the user's.
record_machine_state() {
  local boot
  boot=$(cat /proc/sys/kernel/random/boot_id)
  [ "$(cat "$RECORD/boot" 2>/dev/null)" != "$boot" ] || return 0
  rm -rf "$RECORD" && mkdir -p "$RECORD"
  links >"$RECORD/links"
  tables >"$RECORD/tables"
  forward_policy >"$RECORD/forward-policy"
  sysctl --ignore "${SETTINGS[@]}" >"$RECORD/settings" 2>/dev/null
  ls -d "${PLACES[@]}" /etc/docker/key.json /sys/fs/cgroup/*/docker >"$RECORD/places" 2>/dev/null || true
  echo "$boot" >"$RECORD/boot"
}

# restore_machine_state: after the engine has ended.
restore_machine_state() {
  [ -f "$RECORD/boot" ] || return 0
  restore_links
  restore_tables
  restore_settings
  restore_places
  rm -rf "$RECORD"
}

links() { ip -o link | awk -F': ' '{sub(/@.*/, "", $2); print $2}'; }

tables() { nft list tables 2>/dev/null || true; }

# forward_policy: nothing where there was no filter; asking iptables itself would make one.
forward_policy() {
  if tables | grep -qx 'table ip filter' || grep -qsx filter /proc/net/ip_tables_names; then
    iptables-save -t filter | awk '$1 == ":FORWARD" {print $2}'
  fi
}

restore_links() {
  local link
  for link in $(links | grep -vxFf "$RECORD/links"); do
    case $link in docker0 | br-* | veth*) ip link delete "$link" 2>/dev/null || true ;; esac
  done
}

restore_tables() {
  local keyword family table
  while read -r keyword family table; do
    if grep -qx "$keyword $family $table" "$RECORD/tables"; then continue; fi
    case "$family $table" in "ip nat" | "ip filter" | "ip mangle" | "ip raw" | "ip6 nat" | "ip6 filter" | "ip6 mangle" | "ip6 raw") nft delete "$keyword" "$family" "$table" ;; esac
  done < <(tables)
  [ ! -s "$RECORD/forward-policy" ] || without_docker
}

# without_docker: a filter that was there keeps its rules, loses Docker's, and gets back the policy that Docker changed.
without_docker() {
  iptables-save | { grep -viE 'docker|br-[0-9a-f]{12}' || true; } | iptables-restore
  iptables -P FORWARD "$(cat "$RECORD/forward-policy")"
}

restore_settings() {
  local name value
  while IFS='= ' read -r name value; do sysctl -qw "$name=$value" || true; done <"$RECORD/settings"
}

restore_places() {
  local place
  was_there /etc/docker/key.json || rm -f /etc/docker/key.json
  for place in "${PLACES[@]}" /sys/fs/cgroup/*/docker; do was_there "$place" || rmdir "$place" 2>/dev/null || true; done
}

was_there() { grep -qxF -- "$1" "$RECORD/places"; }

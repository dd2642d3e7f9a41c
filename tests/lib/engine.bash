# SPDX-License-Identifier: Apache-2.0
# An engine for a bats file: directories, socket and network namespace of its own. In setup_file call engine_start
# (and engine_busybox for an image), in teardown_file engine_teardown, which removes all of it and fails when
# something was left: mounts, processes, files, network interfaces.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$top/${BUILD:-build}/bin

engine_skip_unless_able() {
	[ "$(id -u)" = 0 ] || skip "needs root: makes network namespaces and mounts"
	[ -x "$bin/coracled" ] || skip "coracled is not built"
	command -v docker >/dev/null || skip "needs the docker command"
}

# Engine's directories and namespace; DOCKER_HOST points at its socket.
engine_prepare() {
	engine_skip_unless_able
	E=$(mktemp -d /tmp/coracle-test.XXXXXX)
	NS=coracle-${E##*.}
	ip netns add "$NS"
	in_net ip link set lo up
	mkdir "$E/config"
	DOCKER_HOST=unix://$E/engine.sock DOCKER_CONFIG=$E/config
	export E NS DOCKER_HOST DOCKER_CONFIG
	unset DOCKER_CONTEXT DOCKER_API_VERSION
}

in_net() { nsenter --net="/run/netns/$NS" "$@"; }

wait_for() { # COMMAND...: until it succeeds, 10 s at most
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	echo "gave up waiting for: $*" >&2
	return 1
}

api() { # METHOD PATH [curl options]: body on stdout
	local method=$1 path=$2
	shift 2
	curl -sS --max-time 20 --unix-socket "$E/engine.sock" -X "$method" "$@" "http://localhost$path"
}
status_of() { # METHOD PATH [curl options]: the status alone
	local method=$1 path=$2
	shift 2
	api "$method" "$path" -o /dev/null -w '%{http_code}' "$@"
}

engine_launch() { # [flags]
	nsenter --net="/run/netns/$NS" "$bin/coracled" -H "$DOCKER_HOST" --data-root "$E/data" --exec-root "$E/exec" \
		--pidfile "$E/engine.pid" -D "$@" >>"$E/engine.log" 2>&1 3>&- &
	echo $! >"$E/pid"
	wait_for api GET /_ping || { tail -20 "$E/engine.log" >&2; return 1; }
}
engine_start() { # [flags]
	engine_prepare
	engine_launch "$@"
}

engine_pid() { cat "$E/pid"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
engine_stop() { # asks, then insists
	local pid
	pid=$(engine_pid)
	kill "$pid" 2>/dev/null || return 0
	wait_for gone "$pid" || kill -9 "$pid"
}
engine_crash() { # as if the power had gone for the engine alone
	local pid
	pid=$(engine_pid)
	kill -9 "$pid"
	wait_for gone "$pid"
}

engine_busybox() {
	local tar=$top/${BUILD:-build}/images/busybox.tar
	mkdir -p "$(dirname "$tar")"
	[ -s "$tar" ] || "$top/tests/make-image" busybox "$tar"
	docker load -qi "$tar"
}

# Everything of ours that is still there, one line each.
engine_leftovers() {
	local pid
	grep " $E" /proc/self/mounts | sed 's/^/mount: /'
	for pid in $(pgrep -f "$E" || true); do
		[ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] || echo "process: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	done | grep -v 'process: $' | grep -v bats
	in_net ip -o link 2>/dev/null | grep -E 'veth' | sed 's/^/interface: /'
	in_net nft list ruleset 2>/dev/null | grep -E '(tcp|udp) \. .*[0-9] : ' | sed 's/^/rule: /'
	[ -d "$E/data/containers" ] && find "$E/data/containers" -mindepth 1 -maxdepth 1 | sed 's/^/file: /'
	[ -d "$E/data/volumes" ] && find "$E/data/volumes" -mindepth 1 -maxdepth 1 ! -name '*.db' | sed 's/^/file: /'
	find "$E/exec" -mindepth 1 -type s 2>/dev/null | sed 's/^/socket: /'
	return 0
}

engine_teardown() {
	local left ids volumes
	[ -n "${E:-}" ] || return 0
	if ! gone "$(engine_pid)"; then
		ids=$(docker ps -aq)
		# shellcheck disable=SC2086
		[ -z "$ids" ] || docker rm -fv $ids >/dev/null
		volumes=$(docker volume ls -q)
		# shellcheck disable=SC2086
		[ -z "$volumes" ] || docker volume rm -f $volumes >/dev/null
	fi
	engine_stop
	left=$(engine_leftovers)
	if grep -qE 'AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error|Assertion' "$E/engine.log"; then
		grep -E -A40 'AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error|Assertion' "$E/engine.log" | head -200 >&2
		left+=$'\n'"complaint: the engine's log has a sanitizer's or an assertion's"
	fi
	ip netns del "$NS"
	if [ -n "$left" ]; then
		echo "left behind:" >&2
		echo "$left" >&2
		# what is ours must go, though the test has failed
		pkill -KILL -f "$E/exec" || true
		grep " $E" /proc/self/mounts | cut -d' ' -f2 | sort -r | while read -r m; do umount -l "$m"; done
	fi
	rm -rf --one-file-system "$E"
	[ -z "$left" ]
}

# SPDX-License-Identifier: Apache-2.0
# An engine that isn't ours to compare with: Debian's dockerd in a network namespace of its own, the
# real docker command line beside it. Every name begins with cli_.

cli_root() { cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd; }

# Skips the file's tests, loudly, when the engine or its client is not here or can't run.
cli_need_dockerd() {
	[ "$(id -u)" = 0 ] || { echo "# cli: not root: the golden tests against dockerd are skipped" >&3; skip "needs root"; }
	command -v dockerd >/dev/null || { echo "# cli: no dockerd: the golden tests are skipped" >&3; skip "needs dockerd"; }
	[ -n "${DOCKER_HOST:-}" ] || { echo "# cli: dockerd did not start: the golden tests are skipped" >&3; skip "dockerd did not start"; }
}

# Starts the engine for a file: setup_file calls it. Leaves DOCKER_HOST unset when it can't.
cli_start_dockerd() {
	export CLI_DIR CLI_NS CLI_PID
	CLI_DIR=$(mktemp -d /tmp/cli-bats-XXXXXX)
	CLI_NS=cli-bats-$$
	unset DOCKER_HOST CORACLE_HOST DOCKER_CONTEXT
	export HOME=$CLI_DIR
	ln -s "$(cli_root)/build/bin/coracle" "$CLI_DIR/coracle"
	mkdir "$CLI_DIR/as"
	ln -s "$(cli_root)/build/bin/coracle" "$CLI_DIR/as/docker" # called so, it speaks as docker does
	[ "$(id -u)" = 0 ] && command -v dockerd >/dev/null || return 0
	ip netns add "$CLI_NS" && nsenter --net=/run/netns/"$CLI_NS" ip link set lo up || return 0
	echo '{}' >"$CLI_DIR/daemon.json"
	nsenter --net=/run/netns/"$CLI_NS" dockerd --data-root "$CLI_DIR/data" --exec-root "$CLI_DIR/exec" \
		--pidfile "$CLI_DIR/pid" --config-file "$CLI_DIR/daemon.json" -H "unix://$CLI_DIR/sock" \
		>"$CLI_DIR/log" 2>&1 3>&- &
	CLI_PID=$!
	for _ in $(seq 150); do
		if curl -sf --unix-socket "$CLI_DIR/sock" http://x/_ping >/dev/null; then
			export DOCKER_HOST=unix://$CLI_DIR/sock
			cli_make_busybox
			return 0
		fi
		kill -0 "$CLI_PID" 2>/dev/null || return 0
		sleep 0.2
	done
}

cli_make_busybox() {
	local d=$CLI_DIR/busybox a
	mkdir -p "$d/bin" "$d/etc" "$d/tmp"
	cp /bin/busybox "$d/bin/busybox"
	for a in $(/bin/busybox --list); do
		[ "$a" = busybox ] || ln -sf busybox "$d/bin/$a"
	done
	echo root:x:0:0:root:/:/bin/sh >"$d/etc/passwd"
	tar -C "$d" -c . | "$CLI_DIR/coracle" import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' - busybox:latest >/dev/null
}

cli_stop_dockerd() {
	if [ -n "${DOCKER_HOST:-}" ]; then
		local ids
		ids=$("$CLI_DIR/coracle" ps -aq)
		[ -z "$ids" ] || "$CLI_DIR/coracle" rm -f $ids >/dev/null
	fi
	if [ -n "${CLI_PID:-}" ]; then
		kill "$CLI_PID" 2>/dev/null
		wait "$CLI_PID" 2>/dev/null
		[ ! -s "$CLI_DIR/pid" ] || tail --pid="$(cat "$CLI_DIR/pid")" -f /dev/null
	fi
	ip netns del "$CLI_NS" 2>/dev/null
	grep -o " $CLI_DIR/[^ ]*" /proc/self/mountinfo | sort -r | while read -r m; do umount "$m" 2>/dev/null; done
	rm -rf "$CLI_DIR"
}

# Runs the same words with the real client and with ours, called docker: both outputs, both streams
# and the status must be equal, byte for byte. Ages may tick between the two: it tries three times.
cli_same() {
	cli_same_once "$@" >/dev/null || cli_same_once "$@" >/dev/null || cli_same_once "$@"
}

cli_same_once() {
	local real=0 ours=0
	docker "$@" >"$BATS_TEST_TMPDIR/o1" 2>"$BATS_TEST_TMPDIR/e1" </dev/null || real=$?
	"$CLI_DIR/as/docker" "$@" >"$BATS_TEST_TMPDIR/o2" 2>"$BATS_TEST_TMPDIR/e2" </dev/null || ours=$?
	[ "$real" = "$ours" ] || { echo "docker $*: status $real, ours $ours"; cat "$BATS_TEST_TMPDIR/e2"; return 1; }
	diff -u "$BATS_TEST_TMPDIR/o1" "$BATS_TEST_TMPDIR/o2" || { echo "docker $*: stdout differs"; return 1; }
	diff -u "$BATS_TEST_TMPDIR/e1" "$BATS_TEST_TMPDIR/e2" || { echo "docker $*: stderr differs"; return 1; }
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The daemon itself: configuration, one per data root, restart and crash without losing containers.
load ../lib/engine

setup_file() { engine_start && engine_busybox; }
teardown_file() { engine_teardown; }
teardown() {
	ids=$(docker ps -aq)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || docker rm -fv $ids >/dev/null
}
fails_with() { # TEXT FLAGS...: the engine does not start, and says so in one line
	local text=$1
	shift
	run timeout 10 "$bin/coracled" --data-root "$E/other" --exec-root "$E/other-exec" --pidfile '' "$@"
	[ "$status" = 1 ]
	[[ $output == *"$text"* ]] || { echo "$output"; return 1; }
}

@test "help, version and validate" {
	"$bin/coracled" --help | grep -q -- '--data-root'
	"$bin/coracled" --version
	"$bin/coracled" --validate
}

@test "mistakes in flags and daemon.json are named" {
	fails_with "unknown flag: --nonsense" --nonsense
	echo '{"nonsense": true}' >"$E/daemon.json"
	fails_with "don't match any configuration option: nonsense" --config-file "$E/daemon.json"
	echo '{"debug": true}' >"$E/daemon.json"
	fails_with "specified both as a flag and in the configuration file: debug" --config-file "$E/daemon.json" --debug
	echo '{' >"$E/daemon.json"
	fails_with "$E/daemon.json" --config-file "$E/daemon.json"
	fails_with "would give everybody on the network root" -H tcp://0.0.0.0:2375
	fails_with "must begin with unix://" -H http://x
}

@test "two engines can't share a data root, a socket or a pid file" {
	run timeout 10 "$bin/coracled" -H "unix://$E/two.sock" --data-root "$E/data" --exec-root "$E/exec" --pidfile ''
	[ "$status" = 1 ]
	[[ $output == *"in use by another engine"* ]]
	run timeout 10 "$bin/coracled" -H "unix://$E/two.sock" --data-root "$E/d2" --exec-root "$E/e2" --pidfile "$E/engine.pid"
	[ "$status" = 1 ]
	[[ $output == *"still running"* ]]
	run in_net timeout 10 "$bin/coracled" -H "$DOCKER_HOST" --data-root "$E/d2" --exec-root "$E/e2" --pidfile '' --bridge other0
	[ "$status" = 1 ]
	api GET /_ping
}

@test "a restart leaves containers, their output and their codes alone" {
	docker run -d --name cc busybox sh -c 'i=0; while [ $i -lt 200 ]; do echo line$i; i=$((i+1)); sleep 0.05; done; exit 12'
	pid=$(docker inspect -f '{{.State.Pid}}' cc)
	engine_stop
	kill -0 "$pid"
	engine_launch
	[ "$(docker inspect -f '{{.State.Running}} {{.State.Pid}}' cc)" = "true $pid" ]
	[ "$(timeout 20 docker wait cc)" = 12 ]
	[ "$(docker logs cc | wc -l)" = 200 ]
	[ "$(docker logs -n 1 cc)" = line199 ]
}

@test "SIGKILL loses nothing, and what ended meanwhile has its code" {
	docker run -d --name cc busybox sh -c 'echo before; sleep 1; echo after; exit 34'
	docker run -d --name always --restart always busybox sleep 100
	engine_crash
	sleep 1.5
	engine_launch
	ended() { [ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' cc)" = "exited 34" ]; }
	wait_for ended
	[ "$(docker logs cc | xargs)" = "before after" ]
	[ "$(docker inspect -f '{{.State.Running}}' always)" = true ]
	docker exec always true
	docker image inspect busybox
}

@test "SIGHUP reloads labels" {
	engine_stop
	echo '{"labels": ["a=1"]}' >"$E/daemon.json"
	engine_launch --config-file "$E/daemon.json"
	[ "$(docker info -f '{{index .Labels 0}}')" = a=1 ]
	echo '{"labels": ["a=2"]}' >"$E/daemon.json"
	kill -HUP "$(engine_pid)"
	reloaded() { [ "$(docker info -f '{{index .Labels 0}}')" = a=2 ]; }
	wait_for reloaded
}

@test "idle memory stays under 10 MB" {
	[ "${BUILD:-build}" = build ] || skip "measures the ordinary build, not a sanitizer's"
	engine_stop
	engine_launch
	rss=$(awk '/^Rss:/ {print $2}' "/proc/$(engine_pid)/smaps_rollup")
	echo "RSS $rss kB"
	[ "$rss" -lt 10240 ]
}

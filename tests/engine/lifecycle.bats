#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is done to containers between their creation and their end.
load ../lib/engine

setup_file() { engine_start && engine_busybox; }
teardown_file() { engine_teardown; }
teardown() {
	ids=$(docker ps -aq)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || docker rm -fv $ids >/dev/null
}
state() { docker inspect -f '{{.State.Status}}' "$1"; }
is() { [ "$(state "$1")" = "$2" ]; }

@test "create, start, stop, start again, remove" {
	docker create --name c busybox sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
	is c created
	docker start c
	is c running
	[ "$(status_of POST /v1.47/containers/c/start)" = 304 ]
	docker stop c
	is c exited
	[ "$(docker inspect -f '{{.State.ExitCode}}' c)" = 7 ]
	[ "$(status_of POST /v1.47/containers/c/stop)" = 304 ]
	docker start c
	run docker rm c
	[ "$status" = 1 ]
	[[ $output == *"cannot remove container"*"container is running: stop the container before removing or force remove"* ]]
	docker rm -f c
	run docker inspect c
	[ "$status" = 1 ]
	[ "$(api GET /v1.47/containers/c/json)" = '{"message":"No such container: c"}' ]
}

@test "stop insists after its time, kill sends what it is told" {
	docker run -d --name c busybox sh -c 'trap "" TERM; sleep 100 & wait; sleep 100'
	docker stop -t 1 c
	[ "$(docker inspect -f '{{.State.ExitCode}}' c)" = 137 ]
	docker run -d --name k busybox sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
	docker kill -s USR1 k
	[ "$(docker wait k)" = 9 ]
	run docker kill k
	[[ $output == *"is not running"* ]]
	[ "$(status_of POST '/v1.47/containers/k/kill')" = 409 ]
	run docker kill -s NONSENSE k
	[ "$status" = 1 ]
}

@test "wait blocks until the end and tells the code" {
	docker run -d --name c busybox sh -c 'sleep 0.5; exit 5'
	[ "$(docker wait c)" = 5 ]
	[ "$(docker wait c)" = 5 ]
	[ "$(status_of POST '/v1.47/containers/c/wait?condition=nonsense')" = 400 ]
}

@test "pause and unpause" {
	docker run -d --name c busybox sleep 100
	docker pause c
	is c paused
	docker ps --format '{{.Status}}' | grep -q Paused
	docker unpause c
	is c running
}

@test "restart policies" {
	docker run -d --name always --restart always busybox sh -c 'echo x >>/count; sleep 0.2'
	restarted() { [ "$(docker inspect -f '{{.RestartCount}}' always)" -ge 2 ]; }
	wait_for restarted
	docker stop always
	is always exited
	docker run -d --name failing --restart on-failure:2 busybox false
	ended() { [ "$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' failing)" = "2 exited" ]; }
	wait_for ended
	docker update --restart no always
	[ "$(docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' always)" = no ]
}

@test "logs: both streams, tail, since, timestamps, follow" {
	docker run --name c busybox sh -c 'for i in 1 2 3; do echo out$i; echo err$i >&2; done' >/dev/null 2>&1
	[ "$(docker logs c 2>/dev/null | xargs)" = "out1 out2 out3" ]
	[ "$(docker logs c 2>&1 >/dev/null | xargs)" = "err1 err2 err3" ]
	[ "$(docker logs -n 1 c 2>&1 | wc -l)" = 1 ]
	docker logs -t c 2>/dev/null | grep -qE '^20[0-9-]+T[0-9:.]+Z out1$'
	[ -z "$(docker logs --since "$(($(date +%s) + 100))" c 2>&1)" ]
	[ "$(status_of GET /v1.47/containers/c/logs)" = 400 ]
	docker run -d --name f busybox sh -c 'echo first; sleep 1; echo last'
	[ "$(timeout 10 docker logs -f f | xargs)" = "first last" ]
}

@test "exec: output, input, codes, terminal, user, directory" {
	docker run -d --name c busybox sleep 100
	[ "$(docker exec c echo hello)" = hello ]
	[ "$(echo in | docker exec -i c cat)" = in ]
	run docker exec c sh -c 'exit 33'
	[ "$status" = 33 ]
	run docker exec c nope
	[ "$status" = 127 ] || [ "$status" = 126 ]
	[ "$(docker exec -u 5 -w /tmp -e A=b c sh -c 'id -u; pwd; echo $A' | xargs)" = "5 /tmp b" ]
	script -qec "docker exec -it c tty" /dev/null </dev/null | grep -q /dev/pts/
	docker exec -d c touch /done
	wait_for docker exec c test -e /done
	docker stop -t 0 c
	run docker exec c true
	[ "$status" = 1 ]
	[[ $output == *"is not running"* ]]
}

@test "attach gets what comes, and the code" {
	docker run -di --name c busybox sh -c 'read x; echo got $x; exit 4'
	run docker attach c <<<hello
	[ "$status" = 4 ]
	[ "$output" = "got hello" ]
	run docker attach c
	[[ $output == *"cannot attach to a stopped container, start it first"* ]]
}

@test "top, stats, port, diff, rename" {
	docker run -d --name c -p 127.0.0.1::80 busybox sleep 100
	docker top c | grep -q 'sleep 100'
	[ "$(docker top c -o pid,args | tail -1 | awk '{print $2}')" = sleep ]
	docker stats --no-stream --format '{{.Name}} {{.PIDs}}' c | grep -qx 'c 1'
	docker port c 80 | grep -qE '^127.0.0.1:[0-9]+$'
	docker exec c sh -c 'echo x >/new; rm /etc/group'
	docker diff c >"$E/diff"
	grep -qx 'A /new' "$E/diff"
	grep -qx 'D /etc/group' "$E/diff"
	docker rename c d
	[ "$(docker inspect -f '{{.Name}}' d)" = /d ]
	docker update --memory 32m --memory-swap 32m d
	[ "$(docker inspect -f '{{.HostConfig.Memory}}' d)" = 33554432 ]
}

@test "cp both ways, running and stopped" {
	echo content >"$E/file"
	docker run -d --name c busybox sleep 100
	docker cp "$E/file" c:/tmp/
	[ "$(docker exec c cat /tmp/file)" = content ]
	docker cp c:/tmp/file "$E/back"
	cmp "$E/file" "$E/back"
	docker cp c:/etc "$E/etc"
	[ -f "$E/etc/passwd" ]
	docker stop -t 0 c
	docker cp "$E/file" c:/root/other
	[ "$(docker cp c:/root/other - | tar -xO)" = content ]
	run docker cp c:/nothing "$E/x"
	[ "$status" = 1 ]
	[[ $output == *"Could not find the file /nothing in container c"* ]]
	run docker cp "$E/file" c:/nothing/x
	[ "$status" = 1 ]
}

@test "cp does not follow links out of the container" {
	docker create --name c busybox true
	mkdir "$E/links" && ln -s "$E" "$E/links/out"
	docker cp "$E/links/." c:/tmp
	echo evil >"$E/evil"
	run docker cp "$E/evil" "c:/tmp/out/escaped"
	[ ! -e "$E/escaped" ]
	run docker cp "c:/tmp/out/file" "$E/stolen"
	[ ! -e "$E/stolen" ]
}

@test "commit and export" {
	docker run --name c busybox sh -c 'echo made >/made'
	docker commit -a me -m note -c 'CMD ["cat","/made"]' c made:1
	[ "$(docker run --rm made:1)" = made ]
	[ "$(docker image inspect -f '{{.Author}} {{.Comment}}' made:1)" = "me note" ]
	docker export c | tar -t | grep -qx made
	docker rmi made:1
}

@test "ps filters" {
	docker run -d --name a --label x=1 busybox sleep 100
	docker create --name b --label x=2 busybox true
	[ "$(docker ps --format '{{.Names}}')" = a ]
	[ "$(docker ps -a --filter label=x=2 --format '{{.Names}}')" = b ]
	[ "$(docker ps --filter status=created --format '{{.Names}}')" = b ]
	[ "$(docker ps -a --filter name=^/a$ --format '{{.Names}}')" = a ]
	[ "$(docker ps -n 1 --format '{{.Names}}')" = b ]
	[ "$(docker ps -a --filter before=b --format '{{.Names}}')" = a ]
	[ "$(docker ps -a --filter ancestor=busybox -q | wc -l)" = 2 ]
	[ "$(docker ps -a --format '{{.Image}} {{.Status}}' --filter name=b | head -1)" = "busybox Created" ]
	docker ps -s --format '{{.Size}}' | grep -q virtual
}

@test "health checks" {
	docker run -d --name h --health-cmd 'test -e /ok' --health-interval 0.2s --health-retries 2 busybox sleep 100
	healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' h)" = "$1" ]; }
	wait_for healthy unhealthy
	docker exec h touch /ok
	wait_for healthy healthy
	docker ps --format '{{.Status}}' | grep -q '(healthy)'
}

@test "a client that vanishes leaves nothing waiting" {
	docker run -d --name c busybox sleep 100
	timeout 0.5 docker logs -f c || true
	timeout 0.5 docker wait c || true
	timeout 0.5 docker events || true
	none() { [ "$(docker info --format '{{.NEventsListener}}')" = 0 ]; }
	wait_for none
}

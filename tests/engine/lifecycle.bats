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
	docker create --name cc busybox sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
	is cc created
	docker start cc
	is cc running
	[ "$(status_of POST /v1.47/containers/cc/start)" = 304 ]
	docker stop cc
	is cc exited
	[ "$(docker inspect -f '{{.State.ExitCode}}' cc)" = 7 ]
	[ "$(status_of POST /v1.47/containers/cc/stop)" = 304 ]
	docker start cc
	run docker rm cc
	[ "$status" = 1 ]
	[[ $output == *"cannot remove container"*"container is running: stop the container before removing or force remove"* ]]
	docker rm -f cc
	run docker inspect cc
	[ "$status" = 1 ]
	[ "$(api GET /v1.47/containers/cc/json)" = '{"message":"No such container: cc"}' ]
}

@test "stop insists after its time, kill sends what it is told" {
	docker run -d --name cc busybox sh -c 'trap "" TERM; sleep 100 & wait; sleep 100'
	docker stop -t 1 cc
	[ "$(docker inspect -f '{{.State.ExitCode}}' cc)" = 137 ]
	docker run -d --name kk busybox sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
	docker kill -s USR1 kk
	[ "$(docker wait kk)" = 9 ]
	run docker kill kk
	[[ $output == *"is not running"* ]]
	[ "$(status_of POST '/v1.47/containers/kk/kill')" = 409 ]
	run docker kill -s NONSENSE kk
	[ "$status" = 1 ]
}

@test "wait blocks until the end and tells the code" {
	docker run -d --name cc busybox sh -c 'sleep 0.5; exit 5'
	[ "$(docker wait cc)" = 5 ]
	[ "$(docker wait cc)" = 5 ]
	[ "$(status_of POST '/v1.47/containers/cc/wait?condition=nonsense')" = 400 ]
}

@test "pause and unpause" {
	docker run -d --name cc busybox sleep 100
	docker pause cc
	is cc paused
	docker ps --format '{{.Status}}' | grep -q Paused
	docker unpause cc
	is cc running
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
	docker run --name cc busybox sh -c 'for i in 1 2 3; do echo out$i; echo err$i >&2; done' >/dev/null 2>&1
	[ "$(docker logs cc 2>/dev/null | xargs)" = "out1 out2 out3" ]
	[ "$(docker logs cc 2>&1 >/dev/null | xargs)" = "err1 err2 err3" ]
	[ "$(docker logs -n 1 cc 2>&1 | wc -l)" = 1 ]
	docker logs -t cc 2>/dev/null | grep -qE '^20[0-9-]+T[0-9:.]+Z out1$'
	[ -z "$(docker logs --since "$(($(date +%s) + 100))" cc 2>&1)" ]
	[ "$(status_of GET /v1.47/containers/cc/logs)" = 400 ]
	docker run -d --name follow busybox sh -c 'echo first; sleep 1; echo last'
	[ "$(timeout 10 docker logs -f follow | xargs)" = "first last" ]
}

@test "exec: output, input, codes, terminal, user, directory" {
	docker run -d --name cc busybox sleep 100
	[ "$(docker exec cc echo hello)" = hello ]
	[ "$(echo in | docker exec -i cc cat)" = in ]
	run docker exec cc sh -c 'exit 33'
	[ "$status" = 33 ]
	run docker exec cc nope
	[ "$status" = 127 ] || [ "$status" = 126 ]
	[ "$(docker exec -u 5 -w /tmp -e A=b cc sh -c 'id -u; pwd; echo $A' | xargs)" = "5 /tmp b" ]
	script -qec "docker exec -it cc tty" /dev/null </dev/null | grep -q /dev/pts/
	docker exec -d cc touch /done
	wait_for docker exec cc test -e /done
	docker stop -t 0 cc
	run docker exec cc true
	[ "$status" = 1 ]
	[[ $output == *"is not running"* ]]
}

@test "attach gets what comes, and the code" {
	docker run -di --name cc busybox sh -c 'read x; echo got $x; exit 4'
	run docker attach cc <<<hello
	[ "$status" = 4 ]
	[ "$output" = "got hello" ]
	run docker attach cc
	[[ $output == *"cannot attach to a stopped container, start it first"* ]]
}

@test "top, stats, port, diff, rename" {
	docker run -d --name cc -p 127.0.0.1::80 busybox sleep 100
	docker top cc | grep -q 'sleep 100'
	[ "$(docker top cc -o pid,args | tail -1 | awk '{print $2}')" = sleep ]
	docker stats --no-stream --format '{{.Name}} {{.PIDs}}' cc | grep -qx 'cc 1'
	docker port cc 80 | grep -qE '^127.0.0.1:[0-9]+$'
	docker exec cc sh -c 'echo x >/new; rm /etc/group'
	docker diff cc >"$E/diff"
	grep -qx 'A /new' "$E/diff"
	grep -qx 'D /etc/group' "$E/diff"
	docker rename cc dd
	[ "$(docker inspect -f '{{.Name}}' dd)" = /dd ]
	docker update --memory 32m --memory-swap 32m dd
	[ "$(docker inspect -f '{{.HostConfig.Memory}}' dd)" = 33554432 ]
}

@test "cp both ways, running and stopped" {
	echo content >"$E/file"
	docker run -d --name cc busybox sleep 100
	docker cp "$E/file" cc:/tmp/
	[ "$(docker exec cc cat /tmp/file)" = content ]
	docker cp cc:/tmp/file "$E/back"
	cmp "$E/file" "$E/back"
	docker cp cc:/etc "$E/etc"
	[ -f "$E/etc/passwd" ]
	docker stop -t 0 cc
	docker cp "$E/file" cc:/root/other
	[ "$(docker cp cc:/root/other - | tar -xO)" = content ]
	run docker cp cc:/nothing "$E/x"
	[ "$status" = 1 ]
	[[ $output == *"Could not find the file /nothing in container cc"* ]]
	run docker cp "$E/file" cc:/nothing/x
	[ "$status" = 1 ]
}

@test "cp does not follow links out of the container" {
	docker create --name cc busybox true
	mkdir "$E/links" && ln -s "$E" "$E/links/out"
	docker cp "$E/links/." cc:/tmp
	echo evil >"$E/evil"
	run docker cp "$E/evil" "cc:/tmp/out/escaped"
	[ ! -e "$E/escaped" ]
	run docker cp "cc:/tmp/out/file" "$E/stolen"
	[ ! -e "$E/stolen" ]
}

@test "commit and export" {
	docker run --name cc busybox sh -c 'echo made >/made'
	docker commit -a me -m note -c 'CMD ["cat","/made"]' cc made:1
	[ "$(docker run --rm made:1)" = made ]
	[ "$(docker image inspect -f '{{.Author}} {{.Comment}}' made:1)" = "me note" ]
	docker export cc | tar -t | grep -qx made
	docker rmi made:1
}

@test "ps filters" {
	docker run -d --name aa --label x=1 busybox sleep 100
	docker create --name bb --label x=2 busybox true
	[ "$(docker ps --format '{{.Names}}')" = aa ]
	[ "$(docker ps -a --filter label=x=2 --format '{{.Names}}')" = bb ]
	[ "$(docker ps --filter status=created --format '{{.Names}}')" = bb ]
	[ "$(docker ps -a --filter name=^/aa$ --format '{{.Names}}')" = aa ]
	[ "$(docker ps -n 1 --format '{{.Names}}')" = bb ]
	[ "$(docker ps -a --filter before=bb --format '{{.Names}}')" = aa ]
	[ "$(docker ps -a --filter ancestor=busybox -q | wc -l)" = 2 ]
	[ "$(docker ps -a --format '{{.Image}} {{.Status}}' --filter name=bb | head -1)" = "busybox Created" ]
	docker ps -s --format '{{.Size}}' | grep -q virtual
}

@test "health checks" {
	docker run -d --name hh --health-cmd 'test -e /ok' --health-interval 0.2s --health-retries 2 busybox sleep 100
	healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' hh)" = "$1" ]; }
	wait_for healthy unhealthy
	docker exec hh touch /ok
	wait_for healthy healthy
	docker ps --format '{{.Status}}' | grep -q '(healthy)'
}

@test "a client that vanishes leaves nothing waiting" {
	docker run -d --name cc busybox sleep 100
	timeout 0.5 docker logs -f cc || true
	timeout 0.5 docker wait cc || true
	timeout 0.5 docker events || true
	none() { [ "$(docker info --format '{{.NEventsListener}}')" = 0 ]; }
	wait_for none
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the real docker command line prints against the same engine, ours prints too.

load ../lib/cli.bash

setup_file() {
	cli_start_dockerd
	if [ -n "${DOCKER_HOST:-}" ]; then
		"$CLI_DIR/coracle" run -d --name web -p 8080:80 -p 9000:9000/udp -p 7000-7002:7000-7002 \
			--label a=b --label c=d -v data:/data busybox sleep 100000 >/dev/null
		"$CLI_DIR/coracle" run --name ended busybox sh -c 'echo out; echo err >&2; exit 3' >/dev/null 2>&1 || true
		"$CLI_DIR/coracle" tag busybox localhost:5000/team/app:1.0
		"$CLI_DIR/coracle" volume create --label x=y vol1 >/dev/null
		"$CLI_DIR/coracle" network create --label n=1 net1 >/dev/null
	fi
}

teardown_file() { cli_stop_dockerd; }

setup() { cli_need_dockerd; }

@test "ps in every form" {
	cli_same ps
	cli_same ps -a
	cli_same ps -aq
	cli_same ps -a --no-trunc
	cli_same ps -as
	cli_same ps -a --format json
	cli_same ps -n 1
	cli_same ps -a --format '{{.ID}} {{.Names}}: {{.Label "a"}}'
	cli_same ps -a --format 'table {{.Names}}\t{{.Image}}\t{{.Label "a"}}'
	cli_same ps -a --format '{{json .Ports}} {{upper .State}} {{join (split .Image "/") "+"}}'
	cli_same ps -f name=web
	cli_same container ls -a --filter status=exited
	cli_same ps -f foo=bar
	cli_same ps -f foo
	cli_same ps --format '{{.Foo}}'
	cli_same ps --format '{{.Foo'
}

@test "images and history in every form" {
	cli_same images
	cli_same images -q
	cli_same images --digests
	cli_same images --no-trunc
	cli_same images --format '{{.Repository}}:{{.Tag}} {{.Size}}'
	cli_same images busybox
	cli_same image ls localhost:5000/team/app
	cli_same history busybox
	cli_same history --no-trunc busybox
	cli_same history -q busybox
	cli_same history -H=false busybox
	cli_same history --format json busybox
}

@test "networks and volumes" {
	cli_same network ls
	cli_same network ls -q
	cli_same network ls --no-trunc
	cli_same network ls --format json
	cli_same volume ls
	cli_same volume ls -q
	cli_same volume ls --format json
	cli_same volume ls --format '{{.Name}} {{.Label "x"}}'
	cli_same network inspect net1 bridge
	cli_same volume inspect vol1
	cli_same network rm nope1 || [ "$(cat "$BATS_TEST_TMPDIR/e2")" = "$(head -1 "$BATS_TEST_TMPDIR/e1")" ]
}

@test "inspect, whole and by templates" {
	cli_same inspect web
	cli_same inspect -s web
	cli_same inspect busybox
	cli_same inspect bridge
	cli_same inspect nope also-nope
	cli_same inspect -f '{{.Id}} {{.State.Running}} {{.Config.Cmd}} {{.Config.Env}}' web
	cli_same inspect -f '{{json .Config}}' web
	cli_same inspect -f '{{range $k, $v := .NetworkSettings.Ports}}{{$k}}={{(index $v 0).HostPort}} {{end}}' web
	cli_same inspect -f '{{.Config.Labels}} {{index .Config.Labels "a"}} {{len .Mounts}}' web
	cli_same inspect -f '{{if .State.Running}}up{{else}}down{{end}} {{printf "%-8s|%5d" .Name .State.ExitCode}}' web ended
	cli_same inspect -f '{{with .HostConfig}}{{.NetworkMode}} {{.Memory}} {{.Privileged}}{{end}}' web
	cli_same image inspect nope
	cli_same container inspect nope
}

@test "containers: logs, port, diff, exec, exit codes" {
	cli_same logs ended
	cli_same logs -n 1 ended
	cli_same port web
	cli_same port web 80
	cli_same port web 81
	cli_same diff web
	cli_same exec web sh -c 'echo o; echo e >&2; exit 5'
	cli_same exec web nope
	cli_same exec nope ls
	cli_same run --rm busybox echo hi
	cli_same run --rm busybox sh -c 'exit 3'
	cli_same run --rm busybox nope
	cli_same run --rm busybox /etc
	cli_same start nope
	cli_same rm nope
	cli_same rm -f nope
	cli_same kill nope
	cli_same wait ended
	cli_same rename web web
}

@test "mistakes on the command line" {
	cli_same stop
	cli_same ps a
	cli_same nosuchcommand
	cli_same container nosuchcommand
	cli_same run
	cli_same run -e
	cli_same run -p x:y busybox
	cli_same run --memory x busybox
	cli_same run --ulimit x busybox
	cli_same run --restart foo busybox
	cli_same run --pull bad busybox true
	cli_same stop -t x web
	cli_same network create
	cli_same --zzzz
	cli_same tag nope x
	cli_same rmi nope
	cli_same volume rm nope
}

@test "system" {
	cli_same system df
	cli_same version --format '{{.Server.Version}} {{.Server.APIVersion}}' || cli_same version --format '{{.Server.Version}}'
	cli_same context show
}

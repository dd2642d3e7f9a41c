#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What commands do, against a real engine; and what they say without one.

load ../lib/cli.bash

setup_file() { cli_start_dockerd; }
teardown_file() { cli_stop_dockerd; }

coracle() { "$CLI_DIR/coracle" "$@"; }

@test "without an engine it says where it looked and what to do" {
	run coracle -H unix:///nonexistent/sock ps
	[ "$status" = 1 ]
	[[ $output == "Cannot connect to the engine at unix:///nonexistent/sock (No such file or directory)."*"Start it"* ]]
}

@test "a near miss is guessed" {
	run coracle imges
	[ "$status" = 1 ]
	[[ $output == *"Did you mean this?"*images* ]]
	run coracle ps --fromat json
	[ "$status" = 125 ]
	[[ $output == *"Did you mean --format?"* ]]
}

@test "every command has help, a manual page and a place in the reference" {
	mkdir "$BATS_TEST_TMPDIR/man"
	coracle __man "$BATS_TEST_TMPDIR/man"
	[ "$(ls "$BATS_TEST_TMPDIR/man" | wc -l)" -gt 90 ]
	grep -q 'coracle\\-run' "$BATS_TEST_TMPDIR/man/coracle.1"
	grep -q -- '\\-\\-publish' "$BATS_TEST_TMPDIR/man/coracle-run.1"
	coracle __man --markdown >"$BATS_TEST_TMPDIR/cli.md"
	diff "$BATS_TEST_TMPDIR/cli.md" "$(cli_root)/docs/cli.md"
	run coracle run --help
	[ "$status" = 0 ]
	[[ $output == *"Usage:  coracle run [OPTIONS] IMAGE [COMMAND] [ARG...]"* ]]
}

@test "a server that hangs up in the middle of a stream is a failure" {
	local sock=$BATS_TEST_TMPDIR/s
	python3 - "$sock" 3>&- <<-'PY' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(4)
		c, _ = s.accept()
		c.recv(4096); c.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n")
		c.recv(4096); c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n{\"status\":\"Pulling\"}\r\n{\"sta\r\n")
		c.close()
	PY
	for _ in $(seq 50); do [ -S "$sock" ] && break; sleep 0.1; done
	run coracle -H "unix://$sock" pull x
	[ "$status" = 1 ]
	[[ $output == *"cut before the end"* ]]
}

@test "config.json that is not JSON is named" {
	mkdir "$BATS_TEST_TMPDIR/c"
	echo '{oops' >"$BATS_TEST_TMPDIR/c/config.json"
	run coracle --config "$BATS_TEST_TMPDIR/c" ps
	[ "$status" = 1 ]
	[[ $output == *"$BATS_TEST_TMPDIR/c/config.json"* ]]
}

@test "contexts: create, use, list, remove" {
	export DOCKER_CONFIG=$BATS_TEST_TMPDIR/ctx
	local host=${DOCKER_HOST:-unix:///x}
	unset DOCKER_HOST
	coracle context create --docker "host=$host" there
	coracle context use there
	[ "$(coracle context show)" = there ]
	[[ $(coracle context ls) == *"there *"*"$host"* ]]
	run coracle context rm there
	[ "$status" = 1 ]
	coracle context rm -f there
	[ "$(coracle context show)" = default ]
}

@test "login keeps credentials where docker does, logout removes them" {
	cli_need_dockerd
	export DOCKER_CONFIG=$BATS_TEST_TMPDIR/cfg
	mkdir -p "$DOCKER_CONFIG"
	cat >"$BATS_TEST_TMPDIR/docker-credential-test" <<-'SH'
		#!/bin/sh
		d=$(dirname "$0")
		case $1 in
		store) cat >"$d/stored" ;;
		get) cat >/dev/null; cat "$d/stored" ;;
		erase) rm -f "$d/stored" ;;
		esac
	SH
	chmod +x "$BATS_TEST_TMPDIR/docker-credential-test"
	run coracle login -u me --password-stdin 127.0.0.1:1 <<<secret
	[ "$status" = 1 ] # nobody answers there
	[ ! -s "$DOCKER_CONFIG/config.json" ]
	printf '{"auths":{"reg.example:5000":{"auth":"%s"}}}' "$(printf me:pw | base64)" >"$DOCKER_CONFIG/config.json"
	coracle logout reg.example:5000
	! grep -q auth\" "$DOCKER_CONFIG/config.json"
}

@test "cp in both directions" {
	cli_need_dockerd
	coracle run -d --name cp busybox sleep 1000
	mkdir -p "$BATS_TEST_TMPDIR/src/sub"
	echo one >"$BATS_TEST_TMPDIR/src/a"
	ln -s a "$BATS_TEST_TMPDIR/src/l"
	n=$(printf 'n%.0s' $(seq 150))
	echo long >"$BATS_TEST_TMPDIR/src/sub/$n"
	coracle cp "$BATS_TEST_TMPDIR/src" cp:/tmp
	[ "$(coracle exec cp cat /tmp/src/l "/tmp/src/sub/$n")" = $'one\nlong' ]
	coracle cp cp:/tmp/src "$BATS_TEST_TMPDIR/back"
	diff -r "$BATS_TEST_TMPDIR/src" "$BATS_TEST_TMPDIR/back"
	coracle cp cp:/tmp/src/. "$BATS_TEST_TMPDIR"
	[ "$(cat "$BATS_TEST_TMPDIR/a")" = one ]
	coracle cp cp:/etc/passwd - | tar -t | grep -qx passwd
	tar -C "$BATS_TEST_TMPDIR/src" -c a | coracle cp - cp:/
	[ "$(coracle exec cp cat /a)" = one ]
	run coracle cp cp:/nope "$BATS_TEST_TMPDIR"
	[ "$status" = 1 ]
	coracle rm -f cp
}

@test "cp writes beneath its target, whatever links an archive brings" {
	cli_need_dockerd
	coracle run -d --name evil busybox sh -c 'mkdir /e; ln -s /tmp /e/out; sleep 1000'
	mkdir "$BATS_TEST_TMPDIR/t"
	ln -s /nonexistent "$BATS_TEST_TMPDIR/t/e"
	run coracle cp evil:/e "$BATS_TEST_TMPDIR/t"
	[ "$status" = 1 ] || [ -L "$BATS_TEST_TMPDIR/t/e/out" ]
	coracle rm -f evil
}

@test "save and load, export and import, commit" {
	cli_need_dockerd
	coracle save -o "$BATS_TEST_TMPDIR/i.tar" busybox
	coracle tag busybox busybox:keep
	coracle rmi busybox:latest
	[ "$(coracle load -i "$BATS_TEST_TMPDIR/i.tar")" = "Loaded image: busybox:latest" ]
	coracle create --name ex busybox true
	coracle export ex | coracle import - imported:1
	coracle images -q imported:1 | grep -q .
	coracle commit -m note -a me ex committed:1
	[ "$(coracle inspect -f '{{.Comment}} {{.Author}}' committed:1)" = "note me" ]
	coracle rm ex
}

@test "build: a context with .dockerignore" {
	cli_need_dockerd
	mkdir -p "$BATS_TEST_TMPDIR/b/skip/keep"
	printf 'FROM busybox\nCOPY . /c\nARG V=1\nLABEL v=$V\n' >"$BATS_TEST_TMPDIR/b/Dockerfile"
	printf 'skip/*\n!skip/keep\n*.log\n' >"$BATS_TEST_TMPDIR/b/.dockerignore"
	touch "$BATS_TEST_TMPDIR/b/"{a,b.log} "$BATS_TEST_TMPDIR/b/skip/"{x,keep/y}
	coracle build -q -t built --build-arg V=2 --iidfile "$BATS_TEST_TMPDIR/id" "$BATS_TEST_TMPDIR/b"
	[ "$(coracle inspect -f '{{.Id}}' built)" = "$(cat "$BATS_TEST_TMPDIR/id")" ]
	[ "$(coracle inspect -f '{{index .Config.Labels "v"}}' built)" = 2 ]
	[ "$(coracle run --rm built find /c -type f | sort | tr '\n' ' ')" = "/c/.dockerignore /c/Dockerfile /c/a /c/skip/keep/y " ]
	printf 'FROM busybox\nRUN exit 9\n' | { run coracle build -; [ "$status" = 1 ]; [[ $output == *"returned a non-zero code: 9"* ]]; }
}

@test "stdin, a large one, goes in whole and its end ends the command" {
	cli_need_dockerd
	head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
	coracle run --rm -i busybox cat <"$BATS_TEST_TMPDIR/big" | cmp - "$BATS_TEST_TMPDIR/big"
	[ "$(echo hello | coracle run --rm -i busybox cat)" = hello ]
}

@test "a signal reaches the process" {
	cli_need_dockerd
	"$CLI_DIR/coracle" run --name sig busybox sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
	local pid=$!
	for _ in $(seq 100); do grep -q ready "$BATS_TEST_TMPDIR/out" && break; sleep 0.1; done
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 9 ]
	grep -q got "$BATS_TEST_TMPDIR/out"
	coracle rm sig
}

@test "events and logs end when told, stats prints once" {
	cli_need_dockerd
	coracle run --name ev busybox echo hi
	[[ $(coracle events --since 1m --until 0s --filter container=ev --format '{{.Action}}') == *create*start*die* ]]
	[ "$(coracle logs ev)" = hi ]
	coracle rm ev
	coracle stats --no-stream --format '{{.Name}}'
}

@test "TLS: verified, refused with the wrong CA, taken from a context" {
	cli_need_dockerd
	local d=$BATS_TEST_TMPDIR/tls port_file=$BATS_TEST_TMPDIR/port
	mkdir "$d" "$d/other"
	for ca in ca other/ca; do
		openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=test ${ca%%/*}" -days 2 -keyout "$d/$ca-key.pem" -out "$d/$ca.pem" 2>/dev/null
	done
	openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$d/server-key.pem" -out "$d/server.csr" 2>/dev/null
	openssl x509 -req -in "$d/server.csr" -CA "$d/ca.pem" -CAkey "$d/ca-key.pem" -CAcreateserial -days 2 -out "$d/server.pem" \
		-extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null
	python3 - "$d" "${DOCKER_HOST#unix://}" "$port_file" 3>&- <<-'PY' &
		import socket, ssl, sys, threading
		d, engine, port_file = sys.argv[1:]
		ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); ctx.load_cert_chain(d + "/server.pem", d + "/server-key.pem")
		s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(8)
		open(port_file + ".new", "w").write(str(s.getsockname()[1])); import os; os.rename(port_file + ".new", port_file)
		def pump(a, b):
		    try:
		        while (x := a.recv(65536)): b.sendall(x)
		    except OSError: pass
		    try: b.shutdown(socket.SHUT_WR)
		    except OSError: pass
		while True:
		    c, _ = s.accept()
		    try: c = ctx.wrap_socket(c, server_side=True)
		    except OSError: continue
		    e = socket.socket(socket.AF_UNIX); e.connect(engine)
		    for a, b in ((c, e), (e, c)): threading.Thread(target=pump, args=(a, b), daemon=True).start()
	PY
	local pid=$! host
	for _ in $(seq 50); do [ -s "$port_file" ] && break; sleep 0.1; done
	host=tcp://localhost:$(cat "$port_file")
	status=0
	(
		set -e
		unset DOCKER_HOST
		[ "$(coracle -H "$host" --tlsverify --tlscacert "$d/ca.pem" version -f '{{.Server.Os}}')" = linux ]
		run coracle -H "$host" --tlsverify --tlscacert "$d/other/ca.pem" ps
		[ "$status" = 1 ]
		[[ $output == *"Cannot connect to the engine at $host"* ]]
		export DOCKER_CONFIG=$BATS_TEST_TMPDIR/tlscfg
		coracle context create --docker "host=$host,ca=$d/ca.pem" secure
		[ "$(coracle -c secure version -f '{{.Server.Os}}')" = linux ]
	) || status=$?
	kill $pid
	[ "$status" = 0 ]
}

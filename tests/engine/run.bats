#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# docker run as people use it: output, exit codes, input, terminals, configuration.
load ../lib/engine

setup_file() { engine_start && engine_busybox; }
teardown_file() { engine_teardown; }

@test "output and exit code come through" {
	[ "$(docker run --rm busybox echo hello)" = hello ]
	run docker run --rm busybox sh -c 'exit 42'
	[ "$status" = 42 ]
	[ "$(docker run --rm busybox sh -c 'echo err >&2' 2>&1 >/dev/null)" = err ]
	run docker run --rm busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
	[ "$status" = 137 ]
	[ -z "$(docker ps -aq)" ]
}

@test "what can't be started has the exit codes of a shell" {
	run docker run --rm busybox /nope
	[ "$status" = 127 ]
	run docker run --rm busybox nope
	[ "$status" = 127 ]
	[[ $output == *"executable file not found in \$PATH"* ]]
	run docker run --rm busybox /etc
	[ "$status" = 126 ]
	run docker run --rm busybox /etc/passwd
	[ "$status" = 126 ]
	run docker run --rm --network nothing busybox true
	[ "$status" = 125 ]
	[[ $output == *"network nothing not found"* ]]
	run docker run --rm -u nobody-there busybox true
	[ "$status" = 125 ]
	run docker run --rm -m 4m busybox true
	[ "$status" = 125 ]
	[[ $output == *"Minimum memory limit allowed is 6MB"* ]]
	[ -z "$(docker ps -aq)" ]
}

@test "input is passed on, and its end" {
	[ "$(echo hello | docker run --rm -i busybox cat)" = hello ]
	[ "$(head -c 3000000 /dev/zero | docker run --rm -i busybox wc -c)" = 3000000 ]
	docker run --rm busybox cat </dev/null
}

@test "much output is not lost" {
	[ "$(docker run --rm busybox sh -c 'head -c 5000000 /dev/zero' | wc -c)" = 5000000 ]
	[ "$(docker run --rm busybox seq 100000 | tail -1)" = 100000 ]
}

@test "a terminal is one" {
	script -qec "docker run --rm -it busybox sh -c 'tty; stty size'" /dev/null >"$E/screen" </dev/null
	grep -q /dev/pts/ "$E/screen"
	printf 'echo a$((1+1))b\nexit 3\n' >"$E/typed"
	run script -qec "docker run --rm -it busybox sh" /dev/null <"$E/typed"
	[ "$status" = 3 ]
	[[ $output == *a2b* ]]
}

@test "detach keys leave the container running" {
	docker run -dit --name keys busybox cat
	# the keys are typed after the client has had time to be attached
	python3 - <<-'PY'
		import os, pty, select, sys, termios, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp("docker", ["docker", "attach", "keys"])
		end = time.time() + 10
		while time.time() < end and termios.tcgetattr(fd)[3] & termios.ICANON:
		    time.sleep(0.02)
		os.write(fd, b"x")  # comes back from the container's terminal
		while time.time() < end and b"x" not in os.read(fd, 1000):
		    pass
		os.write(fd, b"\x10\x11")
		while time.time() < end:
		    done, status = os.waitpid(pid, os.WNOHANG)
		    if done:
		        sys.exit(0)  # this client says 1 for "read escape sequence"
		    if select.select([fd], [], [], 0.1)[0]:
		        try:
		            os.read(fd, 1000)
		        except OSError:
		            pass
		sys.exit(99)
	PY
	[ "$(docker inspect -f '{{.State.Running}}' keys)" = true ]
	docker rm -f keys
}

@test "environment, directory, user, host name, entry point" {
	[ "$(docker run --rm -e A=1 -e B='x y' busybox sh -c 'echo $A $B')" = "1 x y" ]
	[ "$(docker run --rm -w /var/new/dir busybox pwd)" = /var/new/dir ]
	[ "$(docker run --rm -u 12:34 busybox sh -c 'id -u; id -g' | xargs)" = "12 34" ]
	[ "$(docker run --rm -u daemon busybox id -un)" = daemon ]
	[ "$(docker run --rm -h box --domainname example.com busybox hostname)" = box.example.com ] ||
		[ "$(docker run --rm -h box busybox hostname)" = box ]
	[ "$(docker run --rm --entrypoint echo busybox one two)" = "one two" ]
	[ "$(docker run --rm busybox sh -c 'echo $HOME $HOSTNAME' | cut -d' ' -f1)" = /root ]
}

@test "names are unique, ids may be shortened" {
	id=$(docker run -d --name one busybox sleep 100)
	run docker run -d --name one busybox true
	[ "$status" = 125 ]
	[[ $output == *"Conflict. The container name \"/one\" is already in use by container \"$id\". You have to remove (or rename) that container to be able to reuse that name."* ]]
	[ "$(docker inspect -f '{{.Name}}' "${id:0:5}")" = /one ]
	run docker inspect "${id}0"
	[ "$status" = 1 ]
	run docker run --name 'a b' busybox true
	[ "$status" = 125 ]
	docker rm -f one
}

@test "memory, cpu and process limits are set" {
	docker run -d --name limits -m 64m --cpus 0.5 --pids-limit 50 --cpu-shares 512 busybox sleep 100
	[ "$(docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}' limits)" = "67108864 500000000 50" ]
	docker stats --no-stream --format '{{.MemUsage}}' limits | grep -q 64MiB
	docker rm -f limits
}

@test "confinement: capabilities, masked paths, read-only root, seccomp" {
	[ "$(docker run --rm busybox sh -c 'grep CapEff /proc/self/status' | cut -f2)" = "$(docker run --rm --cap-drop SYS_TIME busybox sh -c 'grep CapEff /proc/self/status' | cut -f2)" ]
	run docker run --rm --cap-drop ALL busybox chown 1 /tmp
	[ "$status" != 0 ]
	run docker run --rm --read-only busybox touch /file
	[[ $output == *"Read-only file system"* ]]
	docker run --rm --read-only --tmpfs /tmp busybox touch /tmp/file
	[ "$(docker run --rm busybox sh -c 'cat /proc/kcore | wc -c')" = 0 ]
	docker run --rm busybox grep -q 'Seccomp:	2' /proc/self/status
	docker run --rm --privileged busybox sh -c 'grep "Seccomp:	0" /proc/self/status'
	docker run --rm --security-opt seccomp=unconfined busybox grep -q 'Seccomp:	0' /proc/self/status
}

@test "init, ulimits, sysctls, devices, shm" {
	[ "$(docker run --rm --ulimit nofile=100:200 busybox sh -c 'ulimit -n')" = 100 ]
	[ "$(docker run --rm --sysctl net.ipv4.ip_unprivileged_port_start=7 busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" = 7 ]
	docker run --rm --device /dev/null:/dev/nothing busybox test -c /dev/nothing
	docker run --rm --shm-size 1m busybox sh -c 'df -k /dev/shm | grep -q 1024'
}

@test "--cidfile, --label-file, --env-file as the client has them" {
	docker run --cidfile "$E/cid" --label a=b -d --rm busybox sleep 100
	[ "$(docker ps -q --no-trunc --filter label=a=b)" = "$(cat "$E/cid")" ]
	docker rm -f "$(cat "$E/cid")"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Volumes, bind mounts, tmpfs.
load ../lib/engine

setup_file() { engine_start && engine_busybox; }
teardown_file() { engine_teardown; }

@test "a named volume keeps what is written" {
	docker volume create --label a=b v1
	docker run --rm -v v1:/data busybox sh -c 'echo kept >/data/file'
	[ "$(docker run --rm -v v1:/data:ro busybox cat /data/file)" = kept ]
	run docker run --rm -v v1:/data:ro busybox touch /data/x
	[ "$status" != 0 ]
	[ "$(docker volume ls -q --filter label=a=b)" = v1 ]
	[ "$(docker volume inspect -f '{{.Driver}} {{.Scope}}' v1)" = "local local" ]
	[ "$(cat "$(docker volume inspect -f '{{.Mountpoint}}' v1)/file")" = kept ]
	docker volume rm v1
	run docker volume inspect v1
	[ "$status" = 1 ]
	[[ $output == *"get v1: no such volume"* ]]
}

@test "a volume in use stays" {
	docker create --name user -v v2:/v busybox true
	run docker volume rm v2
	[ "$status" = 1 ]
	[[ $output == *"remove v2: volume is in use - ["* ]]
	docker volume prune -af
	docker volume inspect v2
	docker rm user
	docker volume rm v2
}

@test "anonymous volumes go with --rm and rm -v, and by prune" {
	docker run --rm -v /anonymous busybox true
	[ -z "$(docker volume ls -q)" ]
	docker create --name aa -v /anonymous busybox true
	[ "$(docker volume ls -q | wc -l)" = 1 ]
	docker rm -v aa
	[ -z "$(docker volume ls -q)" ]
	docker create --name bb -v /anonymous busybox true
	docker rm bb
	docker volume create named
	docker volume prune -f
	[ "$(docker volume ls -q)" = named ]
	docker volume prune -af
	[ -z "$(docker volume ls -q)" ]
}

@test "an empty volume gets the image's content" {
	docker run --rm -v v3:/etc busybox test -f /etc/passwd
	docker run --rm -v v3:/x busybox test -f /x/passwd
	docker volume rm v3
}

@test "bind mounts and --mount" {
	mkdir "$E/bind" && echo host >"$E/bind/file"
	[ "$(docker run --rm -v "$E/bind:/b:ro" busybox cat /b/file)" = host ]
	docker run --rm --mount "type=bind,source=$E/bind,target=/b" busybox sh -c 'echo from-inside >/b/new'
	[ "$(cat "$E/bind/new")" = from-inside ]
	run docker run --rm --mount "type=bind,source=$E/nothing,target=/b" busybox true
	[ "$status" = 125 ]
	[[ $output == *"bind source path does not exist: $E/nothing"* ]]
	docker run --rm -v "$E/made-for-it:/b" busybox true
	[ -d "$E/made-for-it" ]
	docker run --rm --mount type=tmpfs,target=/t,tmpfs-size=1m busybox sh -c 'mount | grep -q "tmpfs on /t"'
	docker run --rm --mount type=volume,source=v4,target=/v busybox touch /v/x
	docker volume rm v4
}

@test "names that are none are refused" {
	for name in '..' 'a/b' '-x'; do
		[ "$(status_of POST /v1.47/volumes/create -H 'Content-Type: application/json' -d "{\"Name\":\"$name\"}")" = 400 ]
	done
	run docker volume create 'a b'
	[ "$status" = 1 ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images without a registry: load, save, import, tag, list, inspect, history, remove, prune.
load ../lib/engine

setup_file() { engine_start && engine_busybox; }
teardown_file() { engine_teardown; }

@test "a loaded image is listed and inspected" {
	docker images --format '{{.Repository}}:{{.Tag}}' | grep -qx busybox:latest
	[[ $(docker image inspect busybox --format '{{.Id}}') =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(docker image inspect busybox --format '{{join .Config.Cmd ","}}')" = sh ]
	[ "$(docker image inspect busybox --format '{{len .RootFS.Layers}}')" = 1 ]
	id=$(docker images -q busybox)
	[ "$(docker image inspect "$id" --format '{{index .RepoTags 0}}')" = busybox:latest ]
}

@test "shapes follow the version" {
	api GET /v1.43/images/busybox/json | jq -e 'has("VirtualSize") and has("ContainerConfig")'
	api GET /v1.51/images/busybox/json | jq -e 'has("VirtualSize") or has("ContainerConfig") | not'
	api GET /v1.43/images/json | jq -e '.[0] | has("VirtualSize")'
	api GET /v1.44/images/json | jq -e '.[0] | has("VirtualSize") | not'
}

@test "what is not there is said so" {
	run docker image inspect nothing
	[ "$status" = 1 ]
	[[ $output == *"No such image: nothing"* ]]
	run api GET /v1.47/images/nothing/json
	[ "$output" = '{"message":"No such image: nothing:latest"}' ]
	run docker run --rm --pull never nothing true
	[ "$status" = 125 ]
	[[ $output == *"No such image: nothing:latest"* ]]
	run docker rmi nothing
	[ "$status" = 1 ]
	run docker tag nothing other
	[ "$status" = 1 ]
	run docker tag busybox UPPER
	[ "$status" = 1 ]
	[[ $output == *"must be lowercase"* ]]
}

@test "tags are names for the same image" {
	docker tag busybox example.com/dir/box:one
	[ "$(docker images -q example.com/dir/box)" = "$(docker images -q busybox)" ]
	docker images --filter reference='example.com/dir/*' --format '{{.Tag}}' | grep -qx one
	[ -z "$(docker images -q --filter reference='nothing*')" ]
	run docker rmi example.com/dir/box:one
	[[ $output == "Untagged: example.com/dir/box:one" ]]
	docker image inspect busybox
}

@test "save and load give the same image" {
	id=$(docker image inspect busybox --format '{{.Id}}')
	docker save -o "$E/saved.tar" busybox
	docker rmi busybox
	[ -z "$(docker images -q)" ]
	run docker load -i "$E/saved.tar"
	[[ $output == *"Loaded image: busybox:latest"* ]]
	[ "$(docker image inspect busybox --format '{{.Id}}')" = "$id" ]
	gzip -c "$E/saved.tar" | docker load
}

@test "loading what is no image fails in one line" {
	head -c 100000 /dev/urandom >"$E/garbage"
	run docker load -i "$E/garbage"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	head -c 20000 "$E/saved.tar" >"$E/cut"
	run docker load -i "$E/cut"
	[ "$status" = 1 ]
}

@test "a tar is imported, and runs" {
	mkdir -p "$E/root/bin" && cp /bin/busybox "$E/root/bin/sh"
	tar -C "$E/root" -c . | docker import -c 'CMD ["sh","-c","echo imported"]' -c 'ENV A=b' -m hello - imported:x
	[ "$(docker image inspect imported:x --format '{{.Comment}}')" = hello ]
	[ "$(docker image inspect imported:x --format '{{index .Config.Env 0}}')" = A=b ]
	[ "$(docker run --rm imported:x)" = imported ]
	docker history imported:x | grep -q hello
	docker rmi imported:x
}

@test "history shows the steps, newest first" {
	docker history busybox --no-trunc --format '{{.CreatedBy}}' | grep -q make-image
	[ "$(api GET /v1.47/images/busybox/history | jq -r '.[0].Tags[0]')" = busybox:latest ]
}

@test "an image in use is not removed" {
	docker create --name user busybox true
	run docker rmi busybox
	[ "$status" = 1 ]
	[[ $output == *"conflict: unable to remove repository reference \"busybox\" (must force)"* ]]
	docker rm user
}

@test "prune takes the dangling ones, and all with -a" {
	docker create --name cc busybox true
	docker commit -m one cc work
	docker commit -m two cc work
	[ "$(docker images -q --filter dangling=true | wc -l)" = 1 ]
	docker image prune -f
	[ -z "$(docker images -q --filter dangling=true)" ]
	docker image inspect work
	docker image prune -af
	run docker image inspect work
	[ "$status" = 1 ]
	docker image inspect busybox
	docker rm cc
}

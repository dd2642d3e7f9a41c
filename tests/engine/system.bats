#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Version negotiation, errors, info, events: what every client meets first.
load ../lib/engine

setup_file() { engine_start --label purpose=test && engine_busybox; }
teardown_file() { engine_teardown; }

@test "ping carries what clients negotiate with" {
	run api HEAD /_ping -I
	[[ $output == *"200 OK"* ]]
	for header in "Api-Version: 1.51" "Docker-Experimental: false" "Ostype: linux" "Builder-Version: " \
		"Cache-Control: no-cache, no-store" "Swarm: inactive" "Content-Length: 0"; do
		grep -qiF "$header" <<<"$output" || { echo "no $header in $output"; return 1; }
	done
	[ "$(api GET /_ping)" = OK ]
	grep -qi '^server: docker/' <<<"$output"
}

@test "versions outside the range are refused in docker's words" {
	[ "$(api GET /v1.99/info)" = '{"message":"client version 1.99 is too new. Maximum supported API version is 1.51"}' ]
	run api GET /v1.11/info
	[[ $output == *"client version 1.11 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"* ]]
	[ "$(status_of GET /v1.99/info)" = 400 ]
	[ "$(status_of GET /v1.24/version)" = 200 ]
	[ "$(status_of GET /version)" = 200 ]
}

@test "unknown paths and wrong methods are not found" {
	[ "$(api GET /nonsense)" = '{"message":"page not found"}' ]
	[ "$(status_of GET /nonsense)" = 404 ]
	[ "$(status_of DELETE /v1.47/info)" = 404 ]
	[ "$(status_of GET /v1.47/networks/)" = 200 ]
}

@test "the real client negotiates down as far as 1.24" {
	for version in 1.24 1.30 1.40 1.44 1.51; do
		DOCKER_API_VERSION=$version docker version --format '{{.Server.APIVersion}}' | grep -qx 1.51
		DOCKER_API_VERSION=$version docker ps -q
		DOCKER_API_VERSION=$version docker images -q
	done
}

@test "info tells about this engine" {
	docker info --format '{{json .}}' >"$E/info"
	[ "$(jq -r .DockerRootDir "$E/info")" = "$E/data" ]
	[ "$(jq -r '.Labels[0]' "$E/info")" = purpose=test ]
	[ "$(jq -r .OSType "$E/info")" = linux ]
	[ "$(jq -r .Swarm.LocalNodeState "$E/info")" = inactive ]
	[ "$(jq .Images "$E/info")" = 1 ]
	[[ $(jq -r .ID "$E/info") =~ ^[0-9a-f-]{36}$ ]]
	docker info | grep -q "Storage Driver: overlay2"
}

@test "swarm and plugins answer as an engine without them" {
	run docker node ls
	[ "$status" = 1 ]
	[[ $output == *"This node is not a swarm manager."* ]]
	[ "$(status_of GET /v1.47/services)" = 503 ]
	[ "$(api GET /v1.47/plugins)" = "[]" ]
	run docker plugin inspect none
	[ "$status" = 1 ]
	[ "$(status_of POST /session)" = 501 ]
}

@test "broken requests are refused with the reason" {
	[ "$(status_of POST /v1.47/containers/create -H 'Content-Type: text/plain' -d x)" = 400 ]
	[ "$(status_of POST /v1.47/containers/create -H 'Content-Type: application/json' -d '{')" = 400 ]
	run api POST /v1.47/containers/create -H 'Content-Type: application/json' -d ''
	[[ $output == *message* ]]
	run api GET '/v1.47/containers/json?filters=%7B%22foo%22:%5B%22x%22%5D%7D'
	[ "$output" = "{\"message\":\"invalid filter 'foo'\"}" ]
	[ "$(status_of GET '/v1.47/containers/json?filters=')" = 200 ]
	[ "$(status_of GET '/v1.47/containers/json?filters=%7B%22status%22:%7B%22running%22:true%7D%7D')" = 200 ]
	[ "$(status_of GET '/v1.47/containers/json?filters=nonsense')" = 400 ]
}

@test "events are replayed, filtered and end at until" {
	since=$(date +%s)
	id=$(docker create --name events-1 busybox true)
	docker start -a events-1
	docker rm events-1
	until=$(($(date +%s) + 1))
	docker events --since "$since" --until "$until" --filter container=events-1 \
		--format '{{.Action}}' >"$E/events"
	for action in create attach start die destroy; do
		grep -qx "$action" "$E/events" || { cat "$E/events"; return 1; }
	done
	docker events --since "$since" --until "$until" --filter event=die --format '{{.ID}} {{.Actor.Attributes.exitCode}}' |
		grep -qx "$id 0"
	[ -z "$(docker events --since "$since" --until "$until" --filter type=volume)" ]
}

@test "events arrive as they happen" {
	timeout 10 docker events --filter event=create --format '{{.Actor.Attributes.name}}' >"$E/live" 3>&- &
	pid=$!
	wait_for listening
	docker create --name events-2 busybox true
	wait_for grep -qx events-2 "$E/live"
	kill $pid
	docker rm events-2
}
listening() { [ "$(docker info --format '{{.NEventsListener}}')" -gt 0 ]; }

@test "system df counts images, containers and volumes" {
	docker create --name df-1 -v df-volume:/v busybox true
	docker system df --format '{{.Type}} {{.TotalCount}}' >"$E/df"
	grep -qx "Images 1" "$E/df"
	grep -qx "Containers 1" "$E/df"
	grep -qx "Local Volumes 1" "$E/df"
	docker system df -v | grep -q df-volume
	docker rm df-1
	docker volume rm df-volume
}

@test "system prune takes what is not used" {
	docker create --name prune-1 busybox true
	docker network create prune-network
	docker system prune -f
	[ -z "$(docker ps -aq)" ]
	! docker network inspect prune-network
	docker image inspect busybox
}

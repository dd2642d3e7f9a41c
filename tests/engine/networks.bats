#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Networks: the default bridge, published ports, networks of one's own with names, none and host.
load ../lib/engine

setup_file() { engine_start && engine_busybox; }
teardown_file() { engine_teardown; }
teardown() {
	ids=$(docker ps -aq)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || docker rm -fv $ids >/dev/null
}
serve='while :; do printf "HTTP/1.0 200 OK\r\n\r\nhello" | nc -l -p 80; done'

@test "the predefined networks are there and stay" {
	[ "$(docker network ls --format '{{.Name}}' | sort | xargs)" = "bridge host none" ]
	run docker network rm bridge
	[ "$status" = 1 ]
	[[ $output == *"is a pre-defined network and cannot be removed"* ]]
	run docker network create host
	[ "$status" = 1 ]
}

@test "the default bridge gives an address" {
	docker run -d --name cc busybox sleep 100
	address=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' cc)
	[ "$address" = "$(docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' cc)" ]
	docker exec cc ip addr show eth0 | grep -q "$address/"
	docker exec cc grep -q "$address" /etc/hosts
	in_net ping -c1 -W2 "$address" || in_net bash -c "exec 3<>/dev/tcp/$address/1" 2>&1 | grep -q refused
	docker network inspect bridge -f '{{range .Containers}}{{.Name}}{{end}}' | grep -qx cc
}

@test "published ports answer on localhost and on the host's addresses" {
	docker run -d --name web -p 8080:80 busybox sh -c "$serve"
	wait_for in_net curl -fsS --max-time 2 http://127.0.0.1:8080/
	gateway=$(docker network inspect bridge -f '{{(index .IPAM.Config 0).Gateway}}')
	in_net curl -fsS --max-time 5 "http://$gateway:8080/" | grep -q hello
	[ "$(docker port web)" != "" ]
	docker ps --format '{{.Ports}}' | grep -q '0.0.0.0:8080->80/tcp'
	run docker run -d --name other -p 8080:80 busybox sleep 100
	[ "$status" = 125 ]
	[[ $output == *"Bind for 0.0.0.0:8080 failed: port is already allocated"* ]]
}

@test "containers find each other by name on a network of their own" {
	docker network create --subnet 10.77.0.0/24 --label x=y own
	docker run -d --name server --network own --network-alias www --ip 10.77.0.9 busybox sh -c "$serve"
	[ "$(docker inspect -f '{{.NetworkSettings.Networks.own.IPAddress}}' server)" = 10.77.0.9 ]
	docker run --rm --network own busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9; do wget -qO- http://server/ && exit; sleep 0.1; done' | grep -q hello
	docker run --rm --network own busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9; do wget -qO- http://www/ && exit; sleep 0.1; done' | grep -q hello
	run docker network rm own
	[ "$status" = 1 ]
	[[ $output == *"has active endpoints"* ]]
	[ "$(docker network ls -q --filter label=x=y | wc -l)" = 1 ]
	docker rm -f server
	docker network rm own
}

@test "connect and disconnect while it runs" {
	docker network create second
	docker run -d --name cc busybox sleep 100
	docker network connect --alias x second cc
	docker exec cc ip addr show eth1
	[ "$(docker inspect -f '{{len .NetworkSettings.Networks}}' cc)" = 2 ]
	docker network disconnect second cc
	run docker exec cc ip addr show eth1
	[ "$status" != 0 ]
	docker network rm second
}

@test "none, host, and another container's" {
	[ "$(docker run --rm --network none busybox ip -o link | wc -l)" = 1 ]
	[ "$(docker run --rm --network host busybox readlink /proc/self/ns/net)" = "$(in_net readlink /proc/self/ns/net)" ]
	docker run -d --name cc busybox sleep 100
	[ "$(docker run --rm --network container:cc busybox readlink /proc/self/ns/net)" = "$(docker exec cc readlink /proc/self/ns/net)" ]
}

@test "extra hosts, dns" {
	docker run --rm --add-host box:1.2.3.4 busybox grep -q '1.2.3.4.*box' /etc/hosts
	docker run --rm --dns 9.9.9.9 --dns-search example.com busybox cat /etc/resolv.conf >"$E/resolv"
	grep -q 'nameserver 9.9.9.9' "$E/resolv"
	grep -q 'search example.com' "$E/resolv"
}

@test "prune removes what nobody uses" {
	docker network create unused
	docker network prune -f
	[ "$(docker network ls -q | wc -l)" = 3 ]
}

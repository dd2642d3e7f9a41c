# SPDX-License-Identifier: Apache-2.0
# Running it: configuration, logs, health, counters, quota, immutable tags.
load helper

teardown_file() { stop_all; }

@test "config check says what is wrong, and where" {
	cd "$BATS_TEST_TMPDIR"
	printf 'version: 0.1\nstorage:\n  delete:\n    enabled: maybe\n' >bad.yml
	run "$bin/coracle-registry" config check bad.yml
	[ "$status" = 1 ]
	[[ $output == *'bad.yml:4: storage.delete.enabled is "maybe"'* ]]
	printf 'version: 0.1\nstorage:\n  s3: {bucket: x}\n' >s3.yml
	run "$bin/coracle-registry" serve s3.yml
	[ "$status" = 1 ]
	[[ $output == *'only the filesystem driver'* ]]
	printf 'version: 0.1\nlog: {fields: {service: registry}}\nstorage: {filesystem: {rootdirectory: /srv/x}}\nhttp: {addr: ":5001"}\n' >good.yml
	run "$bin/coracle-registry" config check good.yml
	[ "$status" = 0 ]
	[[ $output == *'log.fields.service has no effect'* ]]
	[[ $output == *'serving on :5001 from /srv/x'* ]]
}

@test "a port in use and a store that can't be made are one clear line" {
	start_registry one
	run env REGISTRY_HTTP_ADDR=127.0.0.1:$port REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$BATS_TEST_TMPDIR/x" "$bin/coracle-registry" serve
	[ "$status" = 1 ]
	[[ ${lines[-1]} == *"cannot listen on 127.0.0.1:$port"*"in use"* ]]
	run env REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/proc/nowhere "$bin/coracle-registry" serve
	[ "$status" = 1 ]
}

@test "a file of Docker's form starts it; deleting is off unless it says so" {
	cat >"$BATS_TEST_TMPDIR/config.yml" <<-CONF
		version: 0.1
		log: {formatter: json}
		storage:
		  cache: {blobdescriptor: inmemory}
		  filesystem: {rootdirectory: /nowhere}
		http:
		  addr: :5000
		  host: https://images.example.com
		  headers: {X-Frame-Options: [deny]}
		health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
	CONF
	REGISTRY_CONFIG=$BATS_TEST_TMPDIR/config.yml start_registry docker
	push_image a 1 docker
	[ "$(status -X DELETE "$base/a/manifests/1")" = 405 ]
	[ "$(header x-frame-options "$base/")" = deny ]
	[[ $(header location -X POST "$base/a/blobs/uploads/") == https://images.example.com/v2/a/blobs/uploads/* ]]
}

@test "health, counters and the access log" {
	start_registry observed REGISTRY_HTTP_DEBUG_ADDR=127.0.0.1:0 REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED=true
	debug=$(sed -n 's/.*debug_port=\([0-9]*\).*/\1/p' "$root.log")
	push_image a 1 observed
	[ "$(curl -fsS "http://127.0.0.1:$port/healthz")" = ok ]
	[ "$(curl -fsS "http://127.0.0.1:$port/readyz")" = ok ]
	[ "$(status "http://127.0.0.1:$port/metrics")" = 404 ]
	curl -fsS "http://127.0.0.1:$debug/metrics" >"$BATS_TEST_TMPDIR/m"
	grep -q 'registry_http_requests_total{code="201",handler="manifest",method="put"} 1' "$BATS_TEST_TMPDIR/m"
	grep -q 'registry_http_request_duration_seconds_count{handler="blob-upload"} 2' "$BATS_TEST_TMPDIR/m"
	grep -q '^coracle_registry_blobs 2' "$BATS_TEST_TMPDIR/m"
	[ "$(status "http://127.0.0.1:$debug/v2/")" = 404 ]
	grep -q 'request method=PUT path=/v2/a/manifests/1 status=201' "$root.log"
}

@test "a quota is kept, and immutable tags stay" {
	start_registry limits REGISTRY_CORACLE_QUOTA=700 REGISTRY_CORACLE_IMMUTABLE_0='prod/*:v*'
	push_image small 1 limit1
	push_image small 2 limit2 || true
	[ "$(put_manifest small 2 "$BATS_FILE_TMPDIR/limit2.manifest")" = 507 ]
	curl -sS -X PUT -H "Content-Type: $oci" --data-binary @"$BATS_FILE_TMPDIR/limit2.manifest" "$base/small/manifests/2" |
		jq -e '.errors[0].code == "DENIED" and (.errors[0].message | test("may hold 700"))'
	[ "$(status "$base/small/manifests/1")" = 200 ]
	start_registry immutable REGISTRY_CORACLE_IMMUTABLE_0='prod/*:v*'
	push_image prod/app v1 limit1
	push_image prod/app latest limit1
	push_image prod/app latest limit2
	[ "$(put_manifest prod/app v1 "$BATS_FILE_TMPDIR/limit2.manifest")" = 403 ]
	[ "$(put_manifest prod/app v1 "$BATS_FILE_TMPDIR/limit1.manifest")" = 201 ]
	[ "$(put_manifest prod/app "$(digest_of "$BATS_FILE_TMPDIR/limit2.manifest")?tag=v1" "$BATS_FILE_TMPDIR/limit2.manifest")" = 403 ]
	[ "$(status -X DELETE "$base/prod/app/manifests/v1")" = 403 ]
	[ "$(status -X DELETE "$base/prod/app/manifests/$(digest_of "$BATS_FILE_TMPDIR/limit1.manifest")")" = 403 ]
	curl -fsS "$base/prod/app/manifests/v1" | cmp - "$BATS_FILE_TMPDIR/limit1.manifest"
}

@test "as the only program of an image made from nothing" {
	[ "$(id -u)" = 0 ] || skip "needs root for chroot"
	[ -x "$bin/coracle-registry-static" ] || skip "there is no static program in this build"
	jail=$BATS_TEST_TMPDIR/jail
	mkdir -p "$jail/proc"
	cp "$bin/coracle-registry-static" "$jail/coracle-registry"
	# shellcheck disable=SC2016
	unshare --pid --mount --fork --kill-child env -i REGISTRY_HTTP_ADDR=127.0.0.1:0 JAIL="$jail" \
		/bin/sh -c 'mount -t proc proc "$JAIL/proc" && exec /usr/sbin/chroot "$JAIL" /coracle-registry serve' >"$jail.log" 2>&1 3>&- &
	p=$!
	echo $p >>"$BATS_FILE_TMPDIR/pids"
	for _ in $(seq 100); do port=$(sed -n 's/.* port=\([0-9]*\) .*/\1/p' "$jail.log"); [ -n "$port" ] && break; sleep 0.05; done
	base=http://127.0.0.1:$port/v2
	push_image alone 1 alone
	[ "$(status "$base/alone/manifests/1")" = 200 ]
	[ -f "$jail/var/lib/registry/registry.db" ]
	kill -TERM "$(cat "/proc/$p/task/$p/children")"
	wait $p
}

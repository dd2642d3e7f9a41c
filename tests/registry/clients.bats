# SPDX-License-Identifier: Apache-2.0
# The clients that people use, against the built server.
load helper

setup_file() {
	start_registry store
	image=$BATS_FILE_TMPDIR/busybox.tar
	"$top/tests/make-image" busybox "$image"
	export image
}
teardown_file() {
	[ ! -f "$BATS_FILE_TMPDIR/dockerd.pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/dockerd.pid")" 2>/dev/null || true
	stop_all
}

storage() { # podman and buildah keep their images in the test's own directory
	cat >"$BATS_FILE_TMPDIR/storage.conf" <<-CONF
		[storage]
		driver = "vfs"
		graphroot = "$BATS_FILE_TMPDIR/graph"
		runroot = "$BATS_FILE_TMPDIR/run"
	CONF
	export CONTAINERS_STORAGE_CONF=$BATS_FILE_TMPDIR/storage.conf
}

@test "skopeo copies an image in and out, byte for byte" {
	skopeo copy -q --dest-tls-verify=false "oci-archive:$image" "docker://127.0.0.1:$port/skopeo/busybox:1"
	skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:$port/skopeo/busybox:1" "oci:$BATS_TEST_TMPDIR/back:1"
	want=$(tar -xOf "$image" index.json | jq -r '.manifests[0].digest')
	[ "$(jq -r '.manifests[0].digest' "$BATS_TEST_TMPDIR/back/index.json")" = "$want" ]
}

@test "skopeo converts to Docker's schema 2, lists tags, inspects, deletes" {
	skopeo copy -q --format v2s2 --dest-tls-verify=false "oci-archive:$image" "docker://127.0.0.1:$port/skopeo/v2s2:1"
	skopeo list-tags --tls-verify=false "docker://127.0.0.1:$port/skopeo/v2s2" | jq -e '.Tags == ["1"]'
	skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$port/skopeo/v2s2:1" |
		jq -e '.mediaType == "application/vnd.docker.distribution.manifest.v2+json"'
	skopeo delete --tls-verify=false "docker://127.0.0.1:$port/skopeo/v2s2:1"
	run skopeo inspect --tls-verify=false "docker://127.0.0.1:$port/skopeo/v2s2:1"
	[ "$status" -ne 0 ]
	[[ $output == *manifest* ]]
}

@test "podman pushes and pulls" {
	storage
	podman load -q -i "$image"
	podman push -q --tls-verify=false localhost/library/busybox:latest "127.0.0.1:$port/podman/busybox:1" ||
		podman push -q --tls-verify=false "$(podman images -q | head -1)" "127.0.0.1:$port/podman/busybox:1"
	podman rmi -af >/dev/null
	podman pull -q --tls-verify=false "127.0.0.1:$port/podman/busybox:1"
	podman rmi -af >/dev/null
}

@test "buildah makes a manifest list of two images and pushes it whole" {
	storage
	buildah pull -q --tls-verify=false "docker://127.0.0.1:$port/podman/busybox:1"
	buildah manifest create list
	buildah manifest add --tls-verify=false list "docker://127.0.0.1:$port/podman/busybox:1"
	buildah manifest push -q --tls-verify=false --all list "docker://127.0.0.1:$port/buildah/list:1"
	curl -fsS "$base/buildah/list/manifests/1" | jq -e '.manifests | length == 1'
	buildah manifest rm list
	buildah rmi -a -f >/dev/null
}

@test "docker pushes, pulls and mounts across repositories" {
	[ "$(id -u)" = 0 ] || skip "needs root for dockerd"
	command -v dockerd >/dev/null || skip "needs Debian's dockerd"
	run_dir=$BATS_FILE_TMPDIR/dockerd
	mkdir -p "$run_dir"
	export DOCKER_HOST=unix://$run_dir/sock DOCKER_CONFIG=$run_dir/config
	dockerd --bridge none --iptables=false --ip6tables=false --ip-forward=false --data-root "$run_dir/data" --exec-root "$run_dir/exec" \
		--pidfile "$run_dir/pid" -H "$DOCKER_HOST" --storage-driver vfs >"$run_dir/log" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/dockerd.pid"
	for _ in $(seq 200); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
	docker load -q -i "$image"
	docker tag busybox:latest "127.0.0.1:$port/docker/one:1"
	docker push -q "127.0.0.1:$port/docker/one:1"
	docker tag busybox:latest "127.0.0.1:$port/docker/two:1"
	docker push "127.0.0.1:$port/docker/two:1" | grep -q 'Mounted from docker/one'
	docker rmi -f "127.0.0.1:$port/docker/one:1" "127.0.0.1:$port/docker/two:1" busybox:latest
	docker pull -q "127.0.0.1:$port/docker/two:1"
	kill "$(cat "$BATS_FILE_TMPDIR/dockerd.pid")"
	wait "$(cat "$BATS_FILE_TMPDIR/dockerd.pid")" || true
	rm -f "$BATS_FILE_TMPDIR/dockerd.pid"
}

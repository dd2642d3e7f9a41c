# SPDX-License-Identifier: Apache-2.0
# The tree that Docker's registry wrote.
load helper

start_theirs() { # ROOT: sets their_port and their_pid
	local p
	for p in $(seq 5750 5850); do
		ss -tlnH "sport = :$p" | grep -q . && continue
		printf 'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: %s\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:%s\n' "$1" "$p" >"$1.yml"
		docker-registry serve "$1.yml" >"$1.log" 2>&1 3>&- &
		their_pid=$!
		for _ in $(seq 100); do
			kill -0 $their_pid 2>/dev/null || break
			[ "$(status "http://127.0.0.1:$p/v2/")" = 200 ] && { their_port=$p; echo $their_pid >>"$BATS_FILE_TMPDIR/pids"; return; }
			sleep 0.05
		done
	done
	return 1
}

setup_file() {
	command -v docker-registry >/dev/null || skip "needs Debian's docker-registry"
	tree=$BATS_FILE_TMPDIR/tree
	mkdir "$tree"
	start_theirs "$tree"
	base=http://127.0.0.1:$their_port/v2
	"$top/tests/make-image" busybox "$BATS_FILE_TMPDIR/busybox.tar"
	skopeo copy -q --dest-tls-verify=false "oci-archive:$BATS_FILE_TMPDIR/busybox.tar" "docker://127.0.0.1:$their_port/deep/er/busybox:1"
	skopeo copy -q --format v2s2 --dest-tls-verify=false "oci-archive:$BATS_FILE_TMPDIR/busybox.tar" "docker://127.0.0.1:$their_port/busybox:2"
	m=$(curl -fsS -H "Accept: $oci" "$base/deep/er/busybox/manifests/1" | sha256sum | cut -d' ' -f1)
	n=$(curl -fsS -H "Accept: $oci" "$base/deep/er/busybox/manifests/1" | wc -c)
	printf '{"schemaVersion":2,"mediaType":"%s","manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%s}]}' "$index" "$oci" "$m" "$n" >"$BATS_FILE_TMPDIR/index"
	[ "$(TYPE=$index put_manifest deep/er/busybox list "$BATS_FILE_TMPDIR/index")" = 201 ]
	kill $their_pid
	wait $their_pid || true
}
teardown_file() { stop_all; }

@test "started on it, ours serves all of it, without a copy of a blob" {
	cp -al "$BATS_FILE_TMPDIR/tree" "$BATS_FILE_TMPDIR/inplace"
	start_registry inplace
	[ "$(curl -fsS "$base/_catalog" | jq -c .repositories)" = '["busybox","deep/er/busybox"]' ]
	[ "$(curl -fsS "$base/deep/er/busybox/tags/list" | jq -c .tags)" = '["1","list"]' ]
	curl -fsS "$base/deep/er/busybox/manifests/list" | cmp - "$BATS_FILE_TMPDIR/index"
	[ "$(header content-type "$base/busybox/manifests/2")" = application/vnd.docker.distribution.manifest.v2+json ]
	skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:$port/busybox:2" "oci:$BATS_TEST_TMPDIR/out:1"
	skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:$port/deep/er/busybox:1" "oci:$BATS_TEST_TMPDIR/out:2"
	for f in "$root"/content/blobs/sha256/*/*; do [ "$(stat -c %h "$f")" -gt 1 ]; done
	stop_registry "$pid"
	start_registry inplace
	[ "$(status "$base/busybox/manifests/2")" = 200 ]
}

@test "import names what is damaged, and takes the rest" {
	cp -a "$BATS_FILE_TMPDIR/tree" "$BATS_FILE_TMPDIR/damaged"
	v2=$BATS_FILE_TMPDIR/damaged/docker/registry/v2
	: >"$v2/repositories/busybox/_manifests/tags/2/current/link"
	big=$(find "$v2/blobs" -name data -size +100k | head -1)
	printf X | dd of="$big" conv=notrunc status=none
	run env REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$BATS_FILE_TMPDIR/new" "$bin/coracle-registry" import "$BATS_FILE_TMPDIR/damaged"
	[ "$status" = 1 ]
	[[ $output == *"left out"*"tags/2/current/link"* ]]
	[[ $output == *"took over 2 repositories"* ]]
	start_registry new
	[ "$(status "$base/busybox/manifests/2")" = 404 ]
	[ "$(status "$base/deep/er/busybox/manifests/1")" = 200 ]
	[ "$(status -I "$base/deep/er/busybox/blobs/sha256:$(basename "$(dirname "$big")")")" = 404 ]
	run env REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$BATS_FILE_TMPDIR/new" "$bin/coracle-registry" import /nowhere
	[ "$status" = 1 ]
}

@test "the same requests to both: every difference is one that the specification wants" {
	mkdir "$BATS_TEST_TMPDIR/theirs"
	start_theirs "$BATS_TEST_TMPDIR/theirs"
	start_registry diff
	our_base=$base
	their_base=http://127.0.0.1:$their_port/v2
	printf x >"$BATS_TEST_TMPDIR/blob"
	d=$(digest_of "$BATS_TEST_TMPDIR/blob")
	zero=sha256:$(printf %064d 0)
	for base in "$our_base" "$their_base"; do push_image both 1 both; done
	both() { # NAME CURL-ARGUMENTS with BASE for the address
		local name=$1 ours theirs
		shift
		ours=$(status "${@//BASE/$our_base}" || true)
		theirs=$(status "${@//BASE/$their_base}" || true)
		echo "$name $ours $theirs"
	}
	{
		both base BASE/
		both manifest -H "Accept: $oci" BASE/both/manifests/1
		both manifest-without-accept BASE/both/manifests/1
		both manifest-absent BASE/both/manifests/2
		both repository-absent BASE/nothing/manifests/1
		both blob-absent "BASE/both/blobs/$zero"
		both blob-head -I "BASE/both/blobs/$(digest_of "$BATS_FILE_TMPDIR/both.layer")"
		both blob-range -r 0-2 "BASE/both/blobs/$(digest_of "$BATS_FILE_TMPDIR/both.layer")"
		both blob-range-beyond -r 5000- "BASE/both/blobs/$(digest_of "$BATS_FILE_TMPDIR/both.layer")"
		both tags BASE/both/tags/list
		both tags-absent BASE/nothing/tags/list
		both tags-negative 'BASE/both/tags/list?n=-1'
		both catalog BASE/_catalog
		both catalog-negative 'BASE/_catalog?n=-1'
		both referrers "BASE/both/referrers/$zero"
		both upload-start -X POST BASE/both/blobs/uploads/
		both single-post -X POST --data-binary @"$BATS_TEST_TMPDIR/blob" "BASE/both/blobs/uploads/?digest=$d"
		both upload-absent -X PATCH --data x BASE/both/blobs/uploads/00000000-0000-4000-8000-000000000000
		both mount-absent -X POST "BASE/both/blobs/uploads/?mount=$zero&from=nothing"
		both bad-name BASE/BOTH/tags/list
		both bad-manifest -X PUT -H "Content-Type: $oci" --data '{' BASE/both/manifests/bad
		both bad-digest "BASE/both/blobs/sha256:12"
		both delete-absent -X DELETE "BASE/both/manifests/$zero"
		both delete-tag -X DELETE BASE/both/manifests/1
	} >"$BATS_TEST_TMPDIR/answers"
	# what differs, and why:
	#   an existing manifest is never a 404 for want of an Accept header
	#   a negative number of entries is an error; there is a referrers API; one POST can push
	#   a name outside the grammar is 400 NAME_INVALID; tags can be deleted
	cat >"$BATS_TEST_TMPDIR/expected" <<-LIST
		manifest-without-accept 200 404
		tags-negative 400 200
		catalog-negative 400 200
		referrers 200 404
		single-post 201 202
		bad-name 400 404
		delete-tag 202 400
	LIST
	awk '$2 != $3' "$BATS_TEST_TMPDIR/answers" | diff - "$BATS_TEST_TMPDIR/expected"
}

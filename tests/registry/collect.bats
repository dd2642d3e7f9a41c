# SPDX-License-Identifier: Apache-2.0
# Collection beside everything else, and the questions about it.
load helper

teardown_file() { stop_all; }

files() { find "$root/content/blobs" -type f | wc -l; }
gc() { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=$root "$bin/coracle-registry" "$@"; }
settle() { # EXPECTED-FILES: the collector ticks by itself
	for _ in $(seq 200); do
		[ "$(files)" = "$1" ] && return 0
		sleep 0.05
	done
	echo "$(files) files, not $1"
	return 1
}

@test "unreferenced blobs go after their lease, a tagged image stays whole" {
	start_registry auto REGISTRY_CORACLE_LEASE=3s REGISTRY_CORACLE_GC_INTERVAL=10ms REGISTRY_CORACLE_GC_UNDELETE=0s
	push_image keep 1 keep
	printf loose >"$BATS_TEST_TMPDIR/loose"
	push_blob other "$BATS_TEST_TMPDIR/loose"
	settle 2
	[ "$(status -I "$base/other/blobs/$(digest_of "$BATS_TEST_TMPDIR/loose")")" = 404 ]
	[ "$(status "$base/keep/blobs/$(digest_of "$BATS_FILE_TMPDIR/keep.layer")")" = 200 ]
	[ "$(status -X DELETE "$base/keep/manifests/$(digest_of "$BATS_FILE_TMPDIR/keep.manifest")")" = 202 ]
	settle 0
	[ "$(curl -fsS "$base/_catalog" | jq -c .repositories)" = '[]' ]
	push_image keep 2 keep
	[ "$(status "$base/keep/blobs/$(digest_of "$BATS_FILE_TMPDIR/keep.layer")")" = 200 ]
}

@test "an answer that a blob is there holds for the lease" {
	start_registry lease REGISTRY_CORACLE_LEASE=2s REGISTRY_CORACLE_GC_INTERVAL=10ms
	printf asked >"$BATS_TEST_TMPDIR/asked"
	push_blob a "$BATS_TEST_TMPDIR/asked"
	d=$(digest_of "$BATS_TEST_TMPDIR/asked")
	for _ in 1 2 3 4 5 6; do
		sleep 0.5
		[ "$(status -I "$base/a/blobs/$d")" = 200 ]
	done
	settle 0
}

@test "untagged manifests go by policy; children of an index and referrers stay" {
	start_registry untagged REGISTRY_CORACLE_LEASE=100ms REGISTRY_CORACLE_GC_INTERVAL=1h \
		REGISTRY_CORACLE_GC_UNTAGGED=1ms REGISTRY_CORACLE_GC_UNDELETE=0s
	push_image u 1 child
	child=$(digest_of "$BATS_FILE_TMPDIR/child.manifest")
	printf '{"schemaVersion":2,"mediaType":"%s","manifests":[{"mediaType":"%s","digest":"%s","size":%s}]}' \
		"$index" "$oci" "$child" "$(size_of "$BATS_FILE_TMPDIR/child.manifest")" >"$BATS_TEST_TMPDIR/index"
	[ "$(TYPE=$index put_manifest u list "$BATS_TEST_TMPDIR/index")" = 201 ]
	[ "$(status -X DELETE "$base/u/manifests/1")" = 202 ]
	push_blob u "$BATS_FILE_TMPDIR/child.config"
	EXTRA="\"subject\":{\"mediaType\":\"$oci\",\"digest\":\"$child\",\"size\":$(size_of "$BATS_FILE_TMPDIR/child.manifest")}" \
		make_manifest "$BATS_TEST_TMPDIR/sig" "$BATS_FILE_TMPDIR/child.config"
	sig=$(digest_of "$BATS_TEST_TMPDIR/sig")
	[ "$(put_manifest u "$sig" "$BATS_TEST_TMPDIR/sig")" = 201 ]
	push_image u gone gone
	[ "$(status -X DELETE "$base/u/manifests/gone")" = 202 ]
	sleep 0.05
	gcc() { REGISTRY_CORACLE_LEASE=100ms REGISTRY_CORACLE_GC_UNTAGGED=1ms REGISTRY_CORACLE_GC_UNDELETE=0s gc "$@"; }
	gcc gc --explain | grep -q "$(digest_of "$BATS_FILE_TMPDIR/gone.manifest")"
	gcc gc
	[ "$(status "$base/u/manifests/$child")" = 200 ]
	[ "$(status "$base/u/manifests/$sig")" = 200 ]
	[ "$(status "$base/u/manifests/$(digest_of "$BATS_FILE_TMPDIR/gone.manifest")")" = 404 ]
	[ "$(status -X DELETE "$base/u/manifests/list")" = 202 ]
	sleep 0.05
	gcc gc
	[ "$(status "$base/u/manifests/$sig")" = 404 ]
}

@test "what was deleted waits for its undelete window, unless told not to" {
	start_registry window REGISTRY_CORACLE_LEASE=3s REGISTRY_CORACLE_GC_INTERVAL=10ms
	push_image w 1 window
	[ "$(status -X DELETE "$base/w/manifests/$(digest_of "$BATS_FILE_TMPDIR/window.manifest")")" = 202 ]
	sleep 0.3
	[ "$(files)" = 2 ]
	gc why "$(digest_of "$BATS_FILE_TMPDIR/window.layer")" | grep -q 'deleted, restorable'
	REGISTRY_CORACLE_LEASE=3s gc gc --now | grep -q 'collected 1 manifests'
	settle 0
}

@test "why, du and explain answer" {
	start_registry ask
	push_image one 1 ask
	push_image two 1 ask
	printf lonely >"$BATS_TEST_TMPDIR/lonely"
	push_blob two "$BATS_TEST_TMPDIR/lonely"
	run gc why "$(digest_of "$BATS_FILE_TMPDIR/ask.layer")"
	[[ $output == *"one@$(digest_of "$BATS_FILE_TMPDIR/ask.manifest")"* ]]
	[[ $output == *"two@"* ]]
	gc why "$(digest_of "$BATS_TEST_TMPDIR/lonely")" | grep -q '^lease'
	gc why "$(digest_of "$BATS_FILE_TMPDIR/ask.manifest")" | grep -q '^tag *one:1'
	gc why "sha256:$(printf %064d 0)" | grep -q 'nothing keeps it'
	gc du | grep -qE ' 6 +1  two$'
	gc gc --explain | grep -q '^0 objects would go'
}

@test "scrub finds a damaged blob, and a new push heals it" {
	start_registry scrub
	push_image s 1 scrub
	layer=$(digest_of "$BATS_FILE_TMPDIR/scrub.layer")
	printf X | dd of="$(find "$root/content/blobs" -name "${layer#sha256:}*")" conv=notrunc status=none
	run gc scrub
	[ "$status" = 1 ]
	[[ $output == *"damaged: $layer"* ]]
	[ -f "$root/quarantine/${layer#sha256:}" ]
	[ "$(status -I "$base/s/blobs/$layer")" = 404 ]
	push_blob s "$BATS_FILE_TMPDIR/scrub.layer"
	curl -fsS "$base/s/blobs/$layer" | cmp - "$BATS_FILE_TMPDIR/scrub.layer"
	gc scrub
}

@test "abandoned uploads go" {
	start_registry stale REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE=10ms REGISTRY_CORACLE_GC_INTERVAL=50ms
	location=${base%/v2}$(header location -X POST "$base/a/blobs/uploads/")
	status -X PATCH --data-binary @/bin/true "$location"
	for _ in $(seq 100); do [ "$(status "$location")" = 404 ] && break; sleep 0.05; done
	[ "$(status "$location")" = 404 ]
	[ -z "$(ls "$root/content/ingest")" ]
}

@test "pushes and collections race for seconds: everything acknowledged is whole" {
	start_registry race REGISTRY_CORACLE_LEASE=500ms REGISTRY_CORACLE_GC_INTERVAL=5ms REGISTRY_CORACLE_GC_UNTAGGED=1ms \
		REGISTRY_CORACLE_GC_UNDELETE=0s
	worker() { # pushes the same few contents over and over, deletes some: blobs die and come back
		local i s
		for i in $(seq 25); do
			s=race-$1-$((i % 3))
			# on a busy machine the short lease of this test may end within a push: that is told, and tried again
			push_image race/$((i % 2)) "$1-$i" "$s" 2>/dev/null || push_image race/$((i % 2)) "$1-$i" "$s" 2>/dev/null || continue
			if [ $((i % 4)) = 0 ]; then
				[ "$(status -X DELETE "$base/race/$((i % 2))/manifests/$1-$i")" = 202 ] || return 1
			else
				echo "race/$((i % 2)) $1-$i $(digest_of "$BATS_FILE_TMPDIR/$s.manifest")" >>"$BATS_TEST_TMPDIR/acked"
			fi
		done
	}
	worker a & a=$!
	worker b & b=$!
	wait $a
	wait $b
	[ "$(wc -l <"$BATS_TEST_TMPDIR/acked")" -gt 10 ]
	whole
}

# Every line "REPOSITORY TAG DIGEST" in the acked file is there, with all its blobs.
whole() {
	while read -r repo tag digest; do
		curl -fsS "$base/$repo/manifests/$tag" >"$BATS_TEST_TMPDIR/m"
		[ "$(digest_of "$BATS_TEST_TMPDIR/m")" = "$digest" ]
		for d in $(jq -r '.config.digest, .layers[].digest' "$BATS_TEST_TMPDIR/m"); do
			[ "$(curl -fsS "$base/$repo/blobs/$d" | sha256sum | cut -d' ' -f1)" = "${d#sha256:}" ]
		done
	done <"$BATS_TEST_TMPDIR/acked"
}

@test "killed at any moment, it has what it acknowledged" {
	for round in 1 2 3 4 5; do
		start_registry crash REGISTRY_CORACLE_LEASE=300ms REGISTRY_CORACLE_GC_INTERVAL=5ms
		: >"$BATS_TEST_TMPDIR/acked"
		(
			for i in $(seq 200); do
				push_image "crash/$round" "t$i" "crash-$round-$i" 2>/dev/null || exit 0
				echo "crash/$round t$i $(digest_of "$BATS_FILE_TMPDIR/crash-$round-$i.manifest")" >>"$BATS_TEST_TMPDIR/acked"
			done
		) &
		w=$!
		sleep "0.$((RANDOM % 9))5"
		kill -KILL "$pid"
		wait "$pid" || true
		wait $w || true
		start_registry crash REGISTRY_CORACLE_LEASE=300ms REGISTRY_CORACLE_GC_INTERVAL=5ms
		whole
		kill -KILL "$pid"
		wait "$pid" || true
	done
}

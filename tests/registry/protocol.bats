# SPDX-License-Identifier: Apache-2.0
# The distribution specification by curl, the quiet parts too.
load helper

setup_file() { start_registry store; }
teardown_file() { stop_all; }
setup() {
	work=$BATS_TEST_TMPDIR
	head -c 100000 /dev/urandom >"$work/blob"
	digest=$(digest_of "$work/blob")
}

@test "an upload by POST and PUT; the blob comes back with its headers" {
	location=$(header location -X POST "$base/a/blobs/uploads/")
	[[ $location == /v2/a/blobs/uploads/* ]]
	[ "$(status -X PUT -H 'Content-Type: application/octet-stream' --data-binary @"$work/blob" "${base%/v2}$location?digest=$digest")" = 201 ]
	curl -fsS "$base/a/blobs/$digest" | cmp - "$work/blob"
	[ "$(header content-length -I "$base/a/blobs/$digest")" = 100000 ]
	[ "$(header docker-content-digest -I "$base/a/blobs/$digest")" = "$digest" ]
	[ "$(header etag -I "$base/a/blobs/$digest")" = "\"$digest\"" ]
	[ "$(status -H "If-None-Match: \"$digest\"" "$base/a/blobs/$digest")" = 304 ]
}

@test "chunks must follow each other, in PATCH and in the closing PUT" {
	location=${base%/v2}$(header location -X POST "$base/chunked/blobs/uploads/")
	head -c 60000 "$work/blob" >"$work/1"
	tail -c +60001 "$work/blob" >"$work/2"
	[ "$(header range -X PATCH -H 'Content-Range: 0-59999' --data-binary @"$work/1" "$location")" = 0-59999 ]
	[ "$(status -X PATCH -H 'Content-Range: 0-59999' --data-binary @"$work/1" "$location")" = 416 ]
	[ "$(status -X PATCH -H 'Content-Range: 70000-79999' --data-binary @<(head -c 10000 "$work/2") "$location")" = 416 ]
	[ "$(status -X PUT -H 'Content-Range: 1-40000' --data-binary @"$work/2" "$location?digest=$digest")" = 416 ]
	[ "$(status "$location")" = 204 ]
	[ "$(header range "$location")" = 0-59999 ]
	[ "$(status -X PUT -H 'Content-Range: 60000-99999' --data-binary @"$work/2" "$location?digest=$digest")" = 201 ]
	curl -fsS "$base/chunked/blobs/$digest" | cmp - "$work/blob"
	[ "$(status "$location")" = 404 ]
}

@test "an upload goes on after a restart of the server, without its first part" {
	start_registry restart
	location=$(header location -X POST "$base/r/blobs/uploads/")
	head -c 60000 "$work/blob" >"$work/1"
	tail -c +60001 "$work/blob" >"$work/2"
	[ "$(status -X PATCH --data-binary @"$work/1" "${base%/v2}$location")" = 202 ]
	kill -KILL "$pid"
	wait "$pid" || true
	start_registry restart
	[ "$(header range "${base%/v2}$location")" = 0-59999 ]
	[ "$(status -X PUT --data-binary @"$work/2" "${base%/v2}$location?digest=$digest")" = 201 ]
	curl -fsS "$base/r/blobs/$digest" | cmp - "$work/blob"
}

@test "a wrong digest is refused and leaves nothing" {
	wrong=sha256:$(printf %064d 0)
	[ "$(status -X POST --data-binary @"$work/blob" "$base/wrong/blobs/uploads/?digest=$wrong")" = 400 ]
	curl -sS -X POST --data-binary @"$work/blob" "$base/wrong/blobs/uploads/?digest=$wrong" | jq -e '.errors[0].code == "DIGEST_INVALID"'
	[ "$(status -I "$base/wrong/blobs/$wrong")" = 404 ]
	[ "$(status -X POST "$base/wrong/blobs/uploads/?digest=md5:00")" = 400 ]
	[ "$(status "$base/wrong/tags/list")" = 404 ]
}

@test "sha512 from end to end" {
	d512=sha512:$(sha512sum "$work/blob" | cut -d' ' -f1)
	location=${base%/v2}$(header location -X POST "$base/long/blobs/uploads/?digest-algorithm=sha512")
	[ "$(status -X PATCH --data-binary @"$work/blob" "$location")" = 202 ]
	[ "$(status -X PUT "$location?digest=$d512")" = 201 ]
	[ "$(header docker-content-digest -I "$base/long/blobs/$d512")" = "$d512" ]
	[ "$(status -I "$base/long/blobs/$digest")" = 404 ]
	push_image long x sha512image
	m512=sha512:$(sha512sum "$BATS_FILE_TMPDIR/sha512image.manifest" | cut -d' ' -f1)
	[ "$(put_manifest long "$m512" "$BATS_FILE_TMPDIR/sha512image.manifest")" = 201 ]
	[ "$(header docker-content-digest "$base/long/manifests/$m512")" = "$m512" ]
	[ "$(status -X POST "$base/long/blobs/uploads/?digest-algorithm=md5")" = 400 ]
}

@test "ranges: one, several, none that fits" {
	push_blob ranges "$work/blob"
	curl -fsS -r 10-19 "$base/ranges/blobs/$digest" | cmp - <(tail -c +11 "$work/blob" | head -c 10)
	[ "$(status -r 10-19 "$base/ranges/blobs/$digest")" = 206 ]
	curl -fsS -r -5 "$base/ranges/blobs/$digest" | cmp - <(tail -c 5 "$work/blob")
	[ "$(status -r 100000- "$base/ranges/blobs/$digest")" = 416 ]
	[[ $(header content-type -r 0-1,5-6 "$base/ranges/blobs/$digest") == multipart/byteranges* ]]
}

@test "mount: from a repository, from anywhere, and an upload when there is none" {
	push_blob from "$work/blob"
	[ "$(status -X POST "$base/to/blobs/uploads/?mount=$digest&from=from")" = 201 ]
	[ "$(status -I "$base/to/blobs/$digest")" = 200 ]
	[ "$(status -X POST "$base/too/blobs/uploads/?mount=$digest")" = 201 ]
	[ "$(status -X POST "$base/to3/blobs/uploads/?mount=$digest&from=nothing")" = 202 ]
	[ "$(status -I "$base/to3/blobs/$digest")" = 404 ]
}

@test "an upload belongs to its repository, and can be cancelled" {
	location=$(header location -X POST "$base/mine/blobs/uploads/")
	[ "$(status -X PATCH --data-binary @"$work/blob" "${base%/v2}${location/mine/yours}")" = 404 ]
	[ "$(status -X PATCH --data-binary @"$work/blob" "${base%/v2}$location")" = 202 ]
	[ "$(status -X DELETE "${base%/v2}$location")" = 204 ]
	[ "$(status "${base%/v2}$location")" = 404 ]
	[ -z "$(ls "$root/content/ingest")" ]
}

@test "manifests keep their exact bytes and type, by tag and by digest" {
	push_image exact/name 1.0 exact
	m=$BATS_FILE_TMPDIR/exact.manifest
	curl -fsS "$base/exact/name/manifests/1.0" | cmp - "$m"
	curl -fsS "$base/exact/name/manifests/$(digest_of "$m")" | cmp - "$m"
	[ "$(header content-type "$base/exact/name/manifests/1.0")" = "$oci" ]
	[ "$(header content-length -I "$base/exact/name/manifests/1.0")" = "$(size_of "$m")" ]
	[ "$(status -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "$base/exact/name/manifests/1.0")" = 200 ]
	[ "$(status "$base/exact/name/manifests/2.0")" = 404 ]
	[ "$(status "$base/none/manifests/1.0")" = 404 ]
}

@test "a manifest whose blobs are missing names each, and one that lies about sizes is refused" {
	printf '{}' >"$work/c"
	printf 'l' >"$work/l"
	make_manifest "$work/m" "$work/c" "$work/l"
	[ "$(put_manifest missing 1 "$work/m")" = 400 ]
	curl -sS -X PUT -H "Content-Type: $oci" --data-binary @"$work/m" "$base/missing/manifests/1" |
		jq -e '[.errors[] | select(.code == "MANIFEST_BLOB_UNKNOWN") | .detail.digest] | length == 2'
	push_blob missing "$work/c"
	push_blob missing "$work/l"
	sed 's/"size":1}/"size":2}/' "$work/m" >"$work/lie"
	[ "$(put_manifest missing 1 "$work/lie")" = 400 ]
	[ "$(put_manifest missing 1 "$work/m")" = 201 ]
}

@test "what is no manifest is refused with a reason" {
	push_image bad 1 bad
	m=$BATS_FILE_TMPDIR/bad.manifest
	[ "$(TYPE=$index put_manifest bad 2 "$m")" = 400 ]
	[ "$(TYPE=text/plain put_manifest bad 2 "$m")" = 400 ]
	printf '{' >"$work/m1"
	jq -c '. + {manifests: []}' "$m" >"$work/m2"
	printf '%s' "$(cat "$m")" | sed 's/"schemaVersion":2,/"schemaVersion":2,"schemaVersion":2,/' >"$work/m3"
	head -c 5000000 /dev/zero | tr '\0' ' ' >"$work/m5"
	{ printf '%0.s[' $(seq 2000); } >"$work/m4"
	for i in 1 2 3 4; do [ "$(put_manifest bad 2 "$work/m$i")" = 400 ]; done
	[ "$(put_manifest bad 2 "$work/m5")" = 413 ]
	[ "$(put_manifest bad "$(digest_of "$work/m1")" "$m")" = 400 ]
	[ "$(put_manifest bad '-x' "$m")" = 400 ]
	[ "$(curl -fsS "$base/bad/tags/list" | jq -c .tags)" = '["1"]' ]
}

@test "a manifest of four megabytes is taken" {
	printf '{}' >"$work/c"
	push_blob big "$work/c"
	make_manifest "$work/small" "$work/c"
	{ cat "$work/small"; head -c $((4194304 - $(size_of "$work/small"))) /dev/zero | tr '\0' ' '; } >"$work/m"
	[ "$(size_of "$work/m")" = 4194304 ]
	[ "$(put_manifest big 1 "$work/m")" = 201 ]
	curl -fsS "$base/big/manifests/1" | cmp - "$work/m"
}

@test "several tags by one push" {
	push_image several 1 several
	m=$BATS_FILE_TMPDIR/several.manifest
	[ "$(header oci-tag -X PUT -H "Content-Type: $oci" --data-binary @"$m" "$base/several/manifests/$(digest_of "$m")?tag=a&tag=b&tag=c")" = "a, b, c" ]
	[ "$(curl -fsS "$base/several/tags/list" | jq -c .tags)" = '["1","a","b","c"]' ]
}

@test "conditions: two jobs that push a tag can't silently lose one" {
	push_image cond latest one
	push_image cond two two
	one=$(digest_of "$BATS_FILE_TMPDIR/one.manifest")
	two=$(digest_of "$BATS_FILE_TMPDIR/two.manifest")
	[ "$(put_manifest cond latest "$BATS_FILE_TMPDIR/two.manifest" -H 'If-None-Match: *')" = 412 ]
	[ "$(put_manifest cond latest "$BATS_FILE_TMPDIR/two.manifest" -H "If-Match: \"$two\"")" = 412 ]
	[ "$(put_manifest cond latest "$BATS_FILE_TMPDIR/two.manifest" -H "If-Match: \"$one\"")" = 201 ]
	[ "$(put_manifest cond new "$BATS_FILE_TMPDIR/two.manifest" -H 'If-None-Match: *')" = 201 ]
	[ "$(status -X DELETE -H "If-Match: \"$one\"" "$base/cond/manifests/latest")" = 412 ]
	[ "$(status -X DELETE -H "If-Match: \"$two\"" "$base/cond/manifests/latest")" = 202 ]
}

@test "tags and catalog in pages, where last is only a position" {
	for t in a b c d e; do push_image pages/x $t pages; done
	push_image pages/y 1 pages
	[ "$(curl -fsS "$base/pages/x/tags/list?n=2" | jq -c .tags)" = '["a","b"]' ]
	[ "$(header link "$base/pages/x/tags/list?n=2")" = '</v2/pages/x/tags/list?last=b&n=2>; rel="next"' ]
	[ "$(curl -fsS "$base/pages/x/tags/list?n=2&last=bb" | jq -c .tags)" = '["c","d"]' ]
	[ -z "$(header link "$base/pages/x/tags/list?n=2&last=c")" ]
	[ "$(curl -fsS "$base/pages/x/tags/list?n=0" | jq -c .tags)" = '[]' ]
	[ -z "$(header link "$base/pages/x/tags/list?n=0")" ]
	[ "$(curl -fsS "$base/pages/x/tags/list?last=d" | jq -c .tags)" = '["e"]' ]
	[ "$(curl -fsS "$base/_catalog?n=1&last=pages/w" | jq -c .repositories)" = '["pages/x"]' ]
	[[ $(header link "$base/_catalog?n=1&last=pages/w") == *'last=pages%2Fx&n=1>'* ]]
	for n in -1 abc '' 1.5; do [ "$(status "$base/pages/x/tags/list?n=$n")" = 400 ]; done
	[ "$(status "$base/pages/x/tags/list?n=99999999999999999999999")" = 200 ]
}

@test "referrers with a filter, and a subject that need not exist" {
	push_image ref 1 ref
	subject=$(digest_of "$BATS_FILE_TMPDIR/ref.manifest")
	printf '{}' >"$work/c"
	push_blob ref "$work/c"
	sub="\"subject\":{\"mediaType\":\"$oci\",\"digest\":\"$subject\",\"size\":$(size_of "$BATS_FILE_TMPDIR/ref.manifest")}"
	EXTRA="\"artifactType\":\"application/x.sbom\",\"annotations\":{\"k\":\"v\"},$sub" make_manifest "$work/sbom" "$work/c"
	EXTRA="$sub" make_manifest "$work/sig" "$work/c"
	[ "$(header oci-subject -X PUT -H "Content-Type: $oci" --data-binary @"$work/sbom" "$base/ref/manifests/$(digest_of "$work/sbom")")" = "$subject" ]
	[ "$(put_manifest ref "$(digest_of "$work/sig")" "$work/sig")" = 201 ]
	[ "$(header content-type "$base/ref/referrers/$subject")" = "$index" ]
	curl -fsS "$base/ref/referrers/$subject" | jq -e '.manifests | length == 2'
	curl -fsS "$base/ref/referrers/$subject?artifactType=application/x.sbom" |
		jq -e '.manifests | length == 1 and .[0].annotations.k == "v" and .[0].artifactType == "application/x.sbom"'
	[ "$(header oci-filters-applied "$base/ref/referrers/$subject?artifactType=x")" = artifactType ]
	curl -fsS "$base/ref/referrers/$subject?artifactType=application/vnd.oci.image.config.v1%2Bjson" | jq -e '.manifests | length == 1'
	curl -fsS "$base/ref/referrers/sha256:$(printf %064d 1)" | jq -e '.manifests == []'
	[ "$(status "$base/ref/referrers/latest")" = 400 ]
	[ "$(status -X DELETE "$base/ref/manifests/$(digest_of "$work/sig")")" = 202 ]
	curl -fsS "$base/ref/referrers/$subject" | jq -e '.manifests | length == 1'
}

@test "deleting: tags, manifests with their tags, blobs; not what something needs" {
	push_image del 1 del
	m=$(digest_of "$BATS_FILE_TMPDIR/del.manifest")
	layer=$(digest_of "$BATS_FILE_TMPDIR/del.layer")
	[ "$(status -X DELETE "$base/del/blobs/$layer")" = 405 ]
	printf '{"schemaVersion":2,"mediaType":"%s","manifests":[{"mediaType":"%s","digest":"%s","size":%s}]}' \
		"$index" "$oci" "$m" "$(size_of "$BATS_FILE_TMPDIR/del.manifest")" >"$work/index"
	[ "$(TYPE=$index put_manifest del list "$work/index")" = 201 ]
	[ "$(status -X DELETE "$base/del/manifests/$m")" = 405 ]
	[ "$(status -X DELETE "$base/del/manifests/list")" = 202 ]
	[ "$(status "$base/del/manifests/list")" = 404 ]
	[ "$(status "$base/del/manifests/$(digest_of "$work/index")")" = 200 ]
	[ "$(status -X DELETE "$base/del/manifests/$(digest_of "$work/index")")" = 202 ]
	[ "$(status -X DELETE "$base/del/manifests/$m")" = 202 ]
	[ "$(status "$base/del/manifests/1")" = 404 ]
	[ "$(status -X DELETE "$base/del/manifests/$m")" = 404 ]
	[ "$(status -X DELETE "$base/del/blobs/$layer")" = 202 ]
	[ "$(status -I "$base/del/blobs/$layer")" = 404 ]
}

@test "a tag is read as it was at a time" {
	push_image past latest past1
	sleep 0.01
	then=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
	push_image past latest past2
	curl -fsS "$base/past/manifests/latest?at=$then" | cmp - "$BATS_FILE_TMPDIR/past1.manifest"
	curl -fsS "$base/past/manifests/latest" | cmp - "$BATS_FILE_TMPDIR/past2.manifest"
}

@test "names, tags and ids that try to leave their place make nothing" {
	before=$(find "$root" | sort | sha256sum)
	for p in 'a/../b/tags/list' '%2e%2e/%2e%2e/etc/tags/list' 'a//b/tags/list' 'A/tags/list' 'a/./tags/list' \
		'a/manifests/..%2f..%2fetc' 'a/blobs/sha256:../../etc/passwd' 'a/blobs/uploads/..%2f..%2fregistry.db' \
		'a/blobs/sha256:AAAA' 'a_-b/tags/list' "$(printf 'x%.0s' $(seq 300))/tags/list"; do
		code=$(status --path-as-is "$base/$p")
		[ "$code" = 400 ] || [ "$code" = 404 ] || { echo "$p: $code"; return 1; }
	done
	[ "$(status --path-as-is -X POST "$base/../../x/blobs/uploads/")" = 404 ] || [ "$(status --path-as-is -X POST "$base/../../x/blobs/uploads/")" = 400 ]
	[ "$before" = "$(find "$root" | sort | sha256sum)" ]
}

@test "it ends within its drain time on SIGTERM, and exits 0" {
	start_registry term
	kill -TERM "$pid"
	wait "$pid"
}

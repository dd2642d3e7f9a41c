# SPDX-License-Identifier: Apache-2.0
# Starts registries of a test's own on free ports, and stops what it started.
top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
bin=$top/${BUILD:-build}/bin

# start_registry NAME [VARIABLE=VALUE]...: sets port, base, root and pid
start_registry() {
	local name=$1
	shift
	root=$BATS_FILE_TMPDIR/$name
	local log=$root.log
	: >"$log"
	env REGISTRY_HTTP_ADDR=127.0.0.1:0 REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$root" "$@" \
		"$bin/coracle-registry" serve ${REGISTRY_CONFIG:+"$REGISTRY_CONFIG"} >>"$log" 2>&1 3>&- &
	pid=$!
	echo "$pid" >>"$BATS_FILE_TMPDIR/pids"
	for _ in $(seq 200); do
		port=$(sed -n 's/.* port=\([0-9]*\) .*/\1/p' "$log" | tail -1)
		[ -n "$port" ] && break
		kill -0 "$pid" 2>/dev/null || { cat "$log" >&2; return 1; }
		sleep 0.02
	done
	[ -n "$port" ]
	base=http://127.0.0.1:$port/v2
	export port base root pid
}

stop_registry() {
	kill -TERM "$1"
	wait "$1"
}

stop_all() {
	local p
	[ -f "$BATS_FILE_TMPDIR/pids" ] || return 0
	while read -r p; do kill -TERM "$p" 2>/dev/null || true; done <"$BATS_FILE_TMPDIR/pids"
	while read -r p; do
		for _ in $(seq 100); do
			kill -0 "$p" 2>/dev/null || break
			sleep 0.05
		done
		kill -KILL "$p" 2>/dev/null || true
	done <"$BATS_FILE_TMPDIR/pids"
}

digest_of() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
size_of() { stat -c %s "$1"; }

# The answer's status alone, of a curl call.
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
# One header of the answer.
header() { # NAME CURL-ARGUMENTS...
	local name=$1
	shift
	curl -s -o /dev/null -D - "$@" | tr -d '\r' | awk -v n="${name,,}:" 'tolower($1) == n { sub(/^[^:]*: */, ""); print }'
}

# push_blob REPOSITORY FILE
push_blob() {
	local code
	code=$(status -X POST -H 'Content-Type: application/octet-stream' -H 'Expect:' --data-binary @"$2" \
		"$base/$1/blobs/uploads/?digest=$(digest_of "$2")")
	if [ "$code" = 202 ]; then # a registry that takes no single POST
		local location
		location=$(header location -X POST "$base/$1/blobs/uploads/")
		code=$(status -X PUT -H 'Content-Type: application/octet-stream' --data-binary @"$2" "$location&digest=$(digest_of "$2")")
	fi
	[ "$code" = 201 ] || { echo "blob: $code" >&2; return 1; }
}

oci=application/vnd.oci.image.manifest.v1+json
index=application/vnd.oci.image.index.v1+json

# make_manifest FILE CONFIG LAYER...: writes an image manifest; EXTRA adds JSON members
make_manifest() {
	local out=$1 config=$2 layers='' l
	shift 2
	for l in "$@"; do
		layers+="${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"$(digest_of "$l")\",\"size\":$(size_of "$l")}"
	done
	printf '{"schemaVersion":2,"mediaType":"%s"%s,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[%s]}' \
		"$oci" "${EXTRA:+,$EXTRA}" "$(digest_of "$config")" "$(size_of "$config")" "$layers" >"$out"
}

# put_manifest REPOSITORY REFERENCE FILE [CURL-ARGUMENTS]...: prints the status
put_manifest() {
	local repo=$1 reference=$2 file=$3
	shift 3
	status -X PUT -H "Content-Type: ${TYPE:-$oci}" --data-binary @"$file" "$@" "$base/$repo/manifests/$reference"
}

# push_image REPOSITORY TAG SEED: a small image whose bytes depend on SEED; leaves $work/SEED.{config,layer,manifest}
push_image() {
	local f=$BATS_FILE_TMPDIR/$3
	printf '{"architecture":"amd64","os":"linux","seed":"%s","rootfs":{"type":"layers","diff_ids":[]}}' "$3" >"$f.config"
	printf 'layer %s' "$3" >"$f.layer"
	push_blob "$1" "$f.config" && push_blob "$1" "$f.layer"
	make_manifest "$f.manifest" "$f.config" "$f.layer"
	[ "$(put_manifest "$1" "$2" "$f.manifest")" = 201 ]
}

# SPDX-License-Identifier: Apache-2.0
# Passwords, rules, tokens, TLS.
load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	bcrypt() { perl -e 'print crypt($ARGV[0], q($2y$05$) . "abcdefghijklmnopqrstuu")' "$1"; }
	printf 'alice:%s\nbob:%s\ncarol:%s\nbad:$apr1$x$y\n' "$(bcrypt wonder)" "$(openssl passwd -6 builder)" "$(openssl passwd -5 singer)" >htpasswd
	cat >config.yml <<-CONF
		version: 0.1
		log: {accesslog: {disabled: true}}
		storage: {delete: {enabled: true}}
		auth: {htpasswd: {realm: tests, path: $PWD/htpasswd}}
		coracle:
		  access:
		    - {repositories: 'team/**', users: [alice], allow: [push, delete]}
		    - {repositories: 'team/**', users: '*', allow: pull}
		    - {repositories: 'public/*', users: anonymous, allow: pull}
		    - {repositories: '**', users: bob, allow: admin}
	CONF
	REGISTRY_CONFIG=$PWD/config.yml start_registry rules
}
teardown_file() { stop_all; }

token() { curl -fsS "$@" | jq -r .token; }

@test "a stranger is asked for credentials, a wrong password is refused" {
	[ "$(status "$base/")" = 401 ]
	[[ $(header www-authenticate "$base/") == 'Bearer realm="http://127.0.0.1:'*'/token",service="coracle-registry"' ]]
	[ "$(status -u alice:wonder "$base/")" = 200 ]
	[ "$(status -u bob:builder "$base/")" = 200 ]
	[ "$(status -u carol:singer "$base/")" = 200 ]
	[ "$(status -u alice:wrong "$base/")" = 401 ]
	[ "$(status -u nobody:wonder "$base/")" = 401 ]
	[ "$(status -u bad:x "$base/")" = 401 ]
	[ "$(status -H 'Authorization: Basic !!' "$base/")" = 401 ]
}

@test "the rules decide who pulls, pushes and deletes where" {
	printf 'blob' >"$BATS_TEST_TMPDIR/b"
	d=$(digest_of "$BATS_TEST_TMPDIR/b")
	push() { status -u "$1" -X POST --data-binary @"$BATS_TEST_TMPDIR/b" "$base/$2/blobs/uploads/?digest=$d"; }
	[ "$(push alice:wonder team/app)" = 201 ]
	[ "$(push alice:wonder public/app)" = 403 ]
	[ "$(push bob:builder public/app)" = 201 ]
	[ "$(push carol:singer team/app)" = 403 ]
	[ "$(status -u carol:singer "$base/team/app/blobs/$d")" = 200 ]
	[ "$(status -u carol:singer "$base/secret/blobs/$d")" = 403 ]
	[ "$(status "$base/team/app/blobs/$d")" = 401 ]
	[ "$(status "$base/public/app/blobs/$d")" = 200 ]
	# an upload from what one may not read becomes a plain upload
	[ "$(push bob:builder private/x)" = 201 ]
	[ "$(status -u alice:wonder -X POST "$base/team/new/blobs/uploads/?mount=$d&from=private/x")" = 202 ]
	[ "$(status -u carol:singer -X DELETE "$base/team/app/blobs/$d")" = 403 ]
	[ "$(status -u alice:wonder -X DELETE "$base/team/app/blobs/$d")" = 202 ]
}

@test "the catalog names only what the caller may read" {
	(
		base=http://bob:builder@127.0.0.1:$port/v2
		push_image hidden/x 1 hidden
		push_image public/y 1 public
	)
	[ "$(curl -fsS -u alice:wonder "$base/_catalog" | jq -c .repositories)" = '["public/y"]' ]
	[ "$(curl -fsS -u bob:builder "$base/_catalog?n=1" | jq -c .repositories)" = '["hidden/x"]' ]
	[ "$(status "$base/_catalog")" = 401 ]
}

@test "tokens: for strangers, for users, for what was asked and no more" {
	realm=http://127.0.0.1:$port/token
	t=$(token "$realm?service=coracle-registry&scope=repository:public/y:pull")
	[ "$(status -H "Authorization: Bearer $t" "$base/public/y/manifests/1")" = 200 ]
	[ "$(status -H "Authorization: Bearer $t" "$base/hidden/x/manifests/1")" = 401 ]
	t=$(token "$realm?scope=repository:hidden/x:pull,push")
	[ "$(status -H "Authorization: Bearer $t" "$base/hidden/x/manifests/1")" = 401 ]
	t=$(token -u bob:builder "$realm?scope=repository:hidden/x:pull&scope=repository:public/y:pull,push")
	[ "$(status -H "Authorization: Bearer $t" "$base/hidden/x/manifests/1")" = 200 ]
	[ "$(status -H "Authorization: Bearer $t" -X POST "$base/hidden/x/blobs/uploads/")" = 401 ]
	[[ $(header www-authenticate -H "Authorization: Bearer $t" -X POST "$base/hidden/x/blobs/uploads/") == *'scope="repository:hidden/x:pull,push",error="insufficient_scope"' ]]
	[ "$(status -H "Authorization: Bearer $t" -X POST "$base/public/y/blobs/uploads/")" = 202 ]
	[ "$(status -u bob:wrong "$realm?scope=repository:hidden/x:pull")" = 401 ]
}

@test "tokens that are forged, changed or of another kind are refused" {
	realm=http://127.0.0.1:$port/token
	t=$(token -u bob:builder "$realm?scope=repository:hidden/x:pull")
	head=${t%%.*} rest=${t#*.}
	body=${rest%%.*} sig=${rest#*.}
	none=$(printf '{"alg":"none","typ":"JWT"}' | base64 -w0 | tr -d = | tr '+/' '-_')
	changed=$(printf '{"iss":"coracle-registry","aud":"access","sub":"bob","iat":1,"exp":9999999999,"access":[]}' | base64 -w0 | tr -d = | tr '+/' '-_')
	for bad in "$none.$body." "$none.$body.$sig" "$head.$changed.$sig" "$head.$body." "$head.$body" "$head" . .. x \
		"$(printf '.%.0s' $(seq 20000))"; do
		[ "$(status -H "Authorization: Bearer $bad" "$base/hidden/x/manifests/1")" = 401 ]
	done
	r=$(curl -fsS -X POST -d 'grant_type=password&username=bob&password=builder&access_type=offline&scope=repository:hidden/x:pull' "$realm" | jq -r .refresh_token)
	[ "$(status -H "Authorization: Bearer $r" "$base/hidden/x/manifests/1")" = 401 ]
	t=$(curl -fsS -X POST --data-urlencode "refresh_token=$r" -d 'grant_type=refresh_token&scope=repository:hidden/x:pull' "$realm" | jq -r .access_token)
	[ "$(status -H "Authorization: Bearer $t" "$base/hidden/x/manifests/1")" = 200 ]
	[ "$(status -X POST -d 'grant_type=refresh_token&refresh_token=x' "$realm")" = 401 ]
}

@test "guessing passwords is slowed down, and the right one still works" {
	start_registry guess REGISTRY_AUTH=htpasswd REGISTRY_AUTH_HTPASSWD_REALM=tests REGISTRY_AUTH_HTPASSWD_PATH="$BATS_FILE_TMPDIR/htpasswd"
	[[ $(header www-authenticate "$base/") == 'Basic realm="tests"' ]]
	[ "$(status -u alice:wonder "$base/")" = 200 ]
	for i in $(seq 20); do [ "$(status -u alice:guess$i "$base/")" = 401 ]; done
	[ "$(status -u alice:guess "$base/")" = 429 ]
	[ -n "$(header retry-after -u alice:guess "$base/")" ]
	[ "$(status -u alice:wonder "$base/")" = 200 ]
}

@test "a password file is read again when it changes" {
	cp "$BATS_FILE_TMPDIR/htpasswd" "$BATS_TEST_TMPDIR/users"
	start_registry changing REGISTRY_AUTH_HTPASSWD_PATH="$BATS_TEST_TMPDIR/users"
	[ "$(status -u alice:wonder "$base/")" = 200 ]
	sed -i '/^alice/d' "$BATS_TEST_TMPDIR/users"
	for _ in $(seq 100); do [ "$(status -u alice:wonder "$base/")" = 401 ] && break; sleep 0.1; done
	[ "$(status -u alice:wonder "$base/")" = 401 ]
	[ "$(status -u bob:builder "$base/")" = 200 ]
}

@test "skopeo and podman log in, push and pull; without a login they only pull what is public" {
	image=$BATS_FILE_TMPDIR/busybox.tar
	"$top/tests/make-image" busybox "$image"
	port=$(sed -n 's/.* port=\([0-9]*\) .*/\1/p' "$BATS_FILE_TMPDIR/rules.log")
	export REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/auth.json
	run skopeo copy -q --dest-tls-verify=false "oci-archive:$image" "docker://127.0.0.1:$port/public/busybox:1"
	[ "$status" -ne 0 ]
	skopeo login --tls-verify=false -u bob -p builder "127.0.0.1:$port"
	skopeo copy -q --dest-tls-verify=false "oci-archive:$image" "docker://127.0.0.1:$port/public/busybox:1"
	skopeo copy -q --dest-tls-verify=false "oci-archive:$image" "docker://127.0.0.1:$port/private/busybox:1"
	skopeo logout "127.0.0.1:$port"
	skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:$port/public/busybox:1" "oci:$BATS_TEST_TMPDIR/out:1"
	run skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:$port/private/busybox:1" "oci:$BATS_TEST_TMPDIR/out:2"
	[ "$status" -ne 0 ]
}

@test "TLS, with a certificate that is read again on SIGHUP, and client certificates" {
	cd "$BATS_TEST_TMPDIR"
	cert() { openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj "/CN=$1" -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null; }
	cert first
	start_registry tls REGISTRY_HTTP_TLS_CERTIFICATE="$PWD/cert.pem" REGISTRY_HTTP_TLS_KEY="$PWD/key.pem"
	[ "$(status --cacert cert.pem "https://127.0.0.1:$port/v2/")" = 200 ]
	[ "$(status --cacert cert.pem --tls-max 1.1 "https://127.0.0.1:$port/v2/")" = 000 ]
	cert second
	kill -HUP "$pid"
	for _ in $(seq 100); do [ "$(status --cacert cert.pem "https://127.0.0.1:$port/v2/")" = 200 ] && break; sleep 0.05; done
	[ "$(status --cacert cert.pem "https://127.0.0.1:$port/v2/")" = 200 ]
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ckey.pem -out ccert.pem -days 2 -subj "/CN=alice" 2>/dev/null
	cat >mtls.yml <<-CONF
		http:
		  tls: {certificate: $PWD/cert.pem, key: $PWD/key.pem, clientcas: [$PWD/ccert.pem]}
		coracle: {access: [{repositories: '**', users: alice, allow: admin}]}
	CONF
	REGISTRY_CONFIG=$PWD/mtls.yml start_registry mtls
	[ "$(status --cacert cert.pem "https://127.0.0.1:$port/v2/")" = 000 ]
	[ "$(status --cacert cert.pem --cert ccert.pem --key ckey.pem -X POST "https://127.0.0.1:$port/v2/a/blobs/uploads/")" = 202 ]
}

@test "a switch makes pulling free for all" {
	start_registry free REGISTRY_AUTH_HTPASSWD_PATH="$BATS_FILE_TMPDIR/htpasswd" REGISTRY_CORACLE_ANONYMOUSPULL=true
	(
		base=http://alice:wonder@127.0.0.1:$port/v2
		push_image a 1 free
	)
	[ "$(status "$base/a/manifests/1")" = 200 ]
	[ "$(status -X POST "$base/a/blobs/uploads/")" = 401 ]
}

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves in the way that the repository's name says, the token server that it
names, and "evil", another host that must never see a credential. Prints the three addresses on
one line, then serves until its standard input is closed. Every request goes to the log file
given as argument: "<server> <method> <path> <authorization or -> <range or ->"."""
import base64
import hashlib
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BLOB = bytes(range(256)) * 2048
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
MANIFEST = json.dumps({
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": len(BLOB)},
    "layers": []}).encode()
MANIFEST_DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
BASIC = "Basic " + base64.b64encode(b"alice:s3cret").decode()

lock = threading.Lock()
log = open(sys.argv[1], "a", buffering=1)
seen = {}
uploads = {}


def count(key):
    with lock:
        seen[key] = seen.get(key, 0) + 1
        return seen[key]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    role = "registry"

    def log_message(self, *args):
        pass

    def note(self):
        with lock:
            log.write("%s %s %s %s %s\n" % (self.role, self.command, self.path,
                      (self.headers.get("Authorization") or "-").replace(" ", "_"),
                      self.headers.get("Range") or "-"))

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, message, **headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(),
                    Content_Type="application/json", **headers)

    def handle_any(self):
        self.note()
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        getattr(self, "at_" + self.role)(parts, body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    def at_token(self, parts, body):
        query = parse_qs(parts.query or body.decode())
        if self.command == "POST" and query.get("refresh_token") != ["long-lived"]:
            return self.error(401, "UNAUTHORIZED", "bad refresh token")
        auth = self.headers.get("Authorization")
        if auth and auth != BASIC:
            return self.error(401, "UNAUTHORIZED", "bad password")
        token = "token-for-" + ("+".join(query.get("scope", ["nothing"])).replace(" ", "+"))
        if not auth and self.command == "GET":
            token = "anonymous"
        self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode())

    def at_evil(self, parts, body):
        if parts.path == "/token":
            return self.answer(200, b'{"token":"evil"}')
        if self.command == "PUT":
            return self.answer(201)
        self.answer(200, BLOB)

    def at_registry(self, parts, body):
        if parts.path == "/v2/":
            return self.answer(200, b"{}")
        repo, kind, what = parts.path[len("/v2/"):].replace("library/", "").split("/", 2)
        getattr(self, "repo_" + repo.replace("-", "_"), self.plain)(kind, what, parts, body)

    def plain(self, kind, what, parts=None, body=b""):
        if kind == "manifests":
            return self.answer(200, MANIFEST, Content_Type="application/vnd.oci.image.manifest.v1+json",
                               Docker_Content_Digest=MANIFEST_DIGEST)
        if kind == "tags":
            return self.tags(parts)
        if self.command == "POST":
            return self.answer(202, Location="/v2/plain/blobs/uploads/1?state=x")
        if self.command == "PUT":
            want = parse_qs(parts.query)["digest"][0]
            good = "sha256:" + hashlib.sha256(body).hexdigest() == want
            return self.answer(201) if good else self.error(400, "DIGEST_INVALID", "wrong digest")
        if what != DIGEST:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        if start:
            return self.answer(206, BLOB[start:],
                               Content_Range="bytes %d-%d/%d" % (start, len(BLOB) - 1, len(BLOB)))
        self.answer(200, BLOB)

    def tags(self, parts):
        last = parse_qs(parts.query).get("last")
        if last:
            return self.answer(200, b'{"name":"plain","tags":["c"]}')
        self.answer(200, b'{"name":"plain","tags":["a","b"]}',
                    Link='</v2/plain/tags/list?last=b&n=2>; rel="next"')

    def partly(self, status, data, promise, **headers):
        """Sends data, though the length promises more, and cuts the connection."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(promise))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def repo_cut(self, kind, what, parts, body):
        if kind != "blobs" or count("cut") > 2:
            return self.plain(kind, what, parts, body)
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.partly(206 if start else 200, BLOB[start:start + 100000], len(BLOB) - start,
                    Content_Range="bytes %d-%d/%d" % (start, len(BLOB) - 1, len(BLOB)))

    def repo_ignores_range(self, kind, what, parts, body):
        if kind == "blobs" and count("ignores") == 1:
            return self.partly(200, BLOB[:100000], len(BLOB))
        self.answer(200, BLOB)

    def repo_wrong_range(self, kind, what, parts, body):
        if kind == "blobs" and count("wrong") == 1:
            return self.partly(200, BLOB[:100000], len(BLOB))
        self.answer(206, BLOB[7:], Content_Range="bytes 7-%d/%d" % (len(BLOB) - 1, len(BLOB)))

    def repo_always_cut(self, kind, what, parts, body):
        self.partly(200, BLOB[:10], len(BLOB))

    def repo_long(self, kind, what, parts, body):
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(4096):
                self.wfile.write(BLOB)
        except OSError:
            pass
        self.close_connection = True

    def repo_short(self, kind, what, parts, body):
        self.answer(200, BLOB[:1000])

    def repo_stalls(self, kind, what, parts, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BLOB)))
        self.end_headers()
        self.wfile.write(BLOB[:1000])
        self.wfile.flush()
        time.sleep(20)

    def repo_away(self, kind, what, parts, body):
        if kind == "blobs" and self.command == "POST":
            return self.need_basic() or self.answer(202, Location=evil_url + "/upload")
        return self.need_basic() or self.answer(307, Location=evil_url + "/blob")

    def repo_moved(self, kind, what, parts, body):
        """Elsewhere on the same origin."""
        return self.need_basic() or self.answer(307, Location="/v2/basic/" + kind + "/" + what)

    def repo_loops(self, kind, what, parts, body):
        self.answer(307, Location=self.path)

    def repo_file(self, kind, what, parts, body):
        self.answer(307, Location="file:///etc/passwd")

    def need_basic(self):
        if self.headers.get("Authorization") == BASIC:
            return False
        self.error(401, "UNAUTHORIZED", "authentication required",
                   WWW_Authenticate='Basic realm="fake"')
        return True

    def repo_basic(self, kind, what, parts, body):
        return self.need_basic() or self.plain(kind, what, parts, body)

    def repo_token(self, kind, what, parts, body):
        scope = "repository:token:pull"
        if self.headers.get("Authorization") == "Bearer token-for-" + scope:
            return self.plain(kind, what, parts, body)
        self.error(401, "UNAUTHORIZED", "authentication required",
                   WWW_Authenticate='Bearer realm="%s/token",service="fake",scope="%s"' % (token_url, scope))

    def repo_evil_realm(self, kind, what, parts, body):
        self.error(401, "UNAUTHORIZED", "authentication required",
                   WWW_Authenticate='Bearer realm="%s/token",service="fake"' % evil_url)

    def repo_denied(self, kind, what, parts, body):
        self.error(403, "DENIED", "requested access to the resource is denied")

    def repo_unknown(self, kind, what, parts, body):
        self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def repo_nameless(self, kind, what, parts, body):
        self.error(404, "NAME_UNKNOWN", "repository name not known to registry")

    def repo_not_json(self, kind, what, parts, body):
        self.answer(418, b"<html>")

    def repo_altered(self, kind, what, parts, body):
        self.answer(200, MANIFEST + b" ", Content_Type="application/vnd.oci.image.manifest.v1+json")

    def repo_lies(self, kind, what, parts, body):
        self.answer(200, MANIFEST, Docker_Content_Digest="sha256:" + "0" * 64)

    def repo_bad_digest(self, kind, what, parts, body):
        self.answer(200, MANIFEST, Docker_Content_Digest="sha256:../../etc/passwd")

    def repo_huge(self, kind, what, parts, body):
        self.answer(200, b" " * (5 << 20), Content_Type="application/vnd.oci.image.manifest.v1+json")

    def repo_many_headers(self, kind, what, parts, body):
        self.send_response(200)
        for i in range(4000):
            self.send_header("X-%d" % i, "x" * 30)
        self.end_headers()
        self.close_connection = True

    def repo_flaky(self, kind, what, parts, body):
        if count("flaky") < 3:
            return self.error(503, "UNAVAILABLE", "come back later")
        self.plain(kind, what, parts, body)


def serve(role, host):
    class Role(Handler):
        pass
    Role.role = role
    server = ThreadingHTTPServer((host, 0), Role)
    server.daemon_threads = True
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "%s:%d" % (host, server.server_address[1])


registry = serve("registry", "127.0.0.1")
token_url = "http://" + serve("token", "127.0.0.1")
evil_url = "http://" + serve("evil", "127.0.0.2")
print(registry, token_url, evil_url, flush=True)
sys.stdin.read()

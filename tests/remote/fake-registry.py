#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves in the way that the repository's name says, the token server that it
names, "evil", another host that must never see a credential, and the registry once more with TLS (its
certificate is beside the log, LOG.crt). Prints the four addresses on one line, then serves until its standard input is closed. Every request goes to the log file
given as argument: "<server> <method> <path> <authorization or -> <range or ->"."""
import base64
import gzip
import hashlib
import io
import json
import socket
import ssl
import subprocess
import sys
import tarfile
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

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Images:
    """Images of one layer each, by repository: what the manifest, the configuration and the layer are, and
    what they are said to be."""

    def __init__(self):
        self.blobs = {}      # what is sent for a digest, whatever it hashes to
        self.manifests = {}  # repository or digest -> (Content-Type, body)
        self.layer = self.tar("hello.txt", b"hello")
        self.add("good")
        self.add("good-docker", media=DOCKER)
        self.more()
        self.bad_indexes()

    def tar(self, name, content, link=None):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            if link:
                entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, link, 0
            t.addfile(entry, io.BytesIO(content))
        return gzip.compress(out.getvalue(), mtime=0)

    def put(self, data):
        self.blobs[digest_of(data)] = data
        return {"digest": digest_of(data), "size": len(data)}

    def add(self, repo, media=OCI, config=None, layer=None, diff_ids=None, change=None, said=None, raw=None):
        layer = self.layer if layer is None else layer
        try:
            plain = gzip.decompress(layer)
        except (OSError, EOFError):
            plain = b""
        if config is None:
            config = {"architecture": "amd64", "os": "linux", "rootfs": {
                "type": "layers", "diff_ids": [digest_of(plain)] if diff_ids is None else diff_ids}}
        body = config if isinstance(config, bytes) else json.dumps(config).encode()
        kind = "docker.container.image.v1" if media == DOCKER else "oci.image.config.v1"
        layer_type = "docker.image.rootfs.diff.tar.gzip" if media == DOCKER else "oci.image.layer.v1.tar+gzip"
        manifest = {"schemaVersion": 2, "mediaType": media,
                    "config": dict(mediaType="application/vnd.%s+json" % kind, **self.put(body)),
                    "layers": [dict(mediaType="application/vnd.%s" % layer_type, **self.put(layer))]}
        if change:
            change(manifest)
        text = raw if raw is not None else json.dumps(manifest).encode()
        self.manifests[repo] = (said or media, text)
        return text

    def more(self):
        def set_config(**kw):
            return lambda m: m["config"].update(kw)

        def set_layer(**kw):
            return lambda m: m["layers"][0].update(kw)

        zero = "sha256:" + "0" * 64
        good = self.manifests["good"][1]
        self.add("null", raw=b"null")
        self.add("empty-object", raw=b"{}")
        self.add("array", raw=b"[]")
        self.add("truncated", raw=good[:-5])
        self.add("trailing", raw=good + b"x")
        self.add("deep", raw=b"[" * 100000)
        self.add("duplicate", raw=good[:-1] + b',"config":{}}')
        self.add("not-utf8", raw=good[:-1] + b',"x":"\xff"}')
        self.add("both", change=lambda m: m.update(manifests=[]))
        self.add("confused", said=OCI_INDEX)
        self.add("helm", change=set_config(mediaType="application/vnd.cncf.helm.config.v1+json"))
        self.add("negative", change=set_layer(size=-2))
        self.add("huge-size", change=set_layer(size=1 << 80))
        self.add("huge-config", change=set_config(size=100 << 20))
        self.add("no-layers", change=lambda m: m.update(layers=[]))
        self.add("many-layers", change=lambda m: m.update(layers=m["layers"] * 25000))
        self.add("digest-path", change=set_layer(digest="sha256:../../etc/passwd"))
        self.add("digest-upper", change=set_layer(digest=zero.upper().replace("SHA", "sha").replace("0", "A")))
        self.add("digest-short", change=set_layer(digest=zero[:-1]))
        self.add("digest-md5", change=set_layer(digest="md5:" + "0" * 32))
        self.add("config-null", config=b"null")
        self.add("config-empty", config=b"{}")
        self.add("config-array", config=b"[]")
        self.add("config-wrong", change=set_config(digest=zero))
        self.add("config-lies", change=set_config(size=1))
        self.add("layer-absent", change=set_layer(digest=zero))
        self.add("layer-lies", change=set_layer(size=3))
        self.add("diff-wrong", diff_ids=[zero])
        self.add("diff-many", diff_ids=[zero] * 3)
        self.add("layer-cut", layer=self.layer[:-12])
        self.add("layer-not-tar", layer=gzip.compress(b"no tar at all" * 100, mtime=0))
        self.add("layer-escapes", layer=self.tar("../victim", b"x"))
        other = self.tar("other", b"other")
        self.add("layer-other", layer=self.tar("wanted", b"w"))
        wanted = json.loads(self.manifests["layer-other"][1])["layers"][0]
        self.blobs[wanted["digest"]] = other.ljust(wanted["size"], b"\0")[:wanted["size"]]

    def bad_indexes(self):
        good = self.manifests["good"][1]
        entry = {"mediaType": OCI, "digest": digest_of(good), "size": len(good),
                 "platform": {"os": "linux", "architecture": "amd64"}}
        self.manifests[digest_of(good)] = (OCI, good)

        def index(repo, *entries):
            text = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}).encode()
            self.manifests[repo] = self.manifests[digest_of(text)] = (OCI_INDEX, text)
            return dict(entry, mediaType=OCI_INDEX, digest=digest_of(text), size=len(text))

        inner = index("indexed", entry)
        index("index-in-index", inner)
        index("index-empty")
        index("index-elsewhere", dict(entry, platform={"os": "plan9", "architecture": "mips"}))
        index("index-dangling", dict(entry, digest="sha256:" + "1" * 64))


images = Images()
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
        if parts.path.startswith("/v2/image/"):
            return self.image(*parts.path[len("/v2/image/"):].split("/", 2))
        repo, kind, what = parts.path[len("/v2/"):].replace("library/", "").split("/", 2)
        getattr(self, "repo_" + repo.replace("-", "_"), self.plain)(kind, what, parts, body)

    def image(self, repo, kind, what):
        if kind == "blobs" and what in images.blobs:
            return self.answer(200, images.blobs[what])
        found = images.manifests.get(what if ":" in what else repo)
        if kind != "manifests" or not found:
            return self.error(404, "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN", "unknown")
        self.answer(200, found[1], Content_Type=found[0])

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


def make_certificate(path):
    """For 0.0.0.0: an address that reaches this machine, yet isn't called a loopback address."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:0.0.0.0", "-keyout", path + ".key", "-out", path + ".crt"],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path + ".crt", path + ".key")
    return context


def serve(role, host, tls=None):
    class Role(Handler):
        pass
    Role.role = role
    server = ThreadingHTTPServer((host, 0), Role)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "%s:%d" % (host, server.server_address[1])


registry = serve("registry", "127.0.0.1")
token_url = "http://" + serve("token", "127.0.0.1")
evil_url = "http://" + serve("evil", "127.0.0.2")
secure = serve("registry", "127.0.0.1", make_certificate(sys.argv[1]))
print(registry, token_url, evil_url, secure, flush=True)
sys.stdin.read()

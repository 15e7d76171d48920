# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a Kubernetes API server and a kubelet, which speaks their list and watch protocol.

    with ApiServer() as server:
        server.put("pods", pod("web-1", node="node-1"))
        ... a client lists and watches server.url ...

Lists are paged by `limit` and `continue` and selected by fields; watches begin at a resource
version, tell of what comes, send bookmarks where they are wanted, and end after their time. What
happened before `compact()` is forgotten: a watch from there gets 410. `server.manner` makes it
behave badly. All that was asked is in `server.asked`.
"""

import base64
import copy
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import uuid

GROUPS = {"pods": ("api/v1", "Pod"), "namespaces": ("api/v1", "Namespace"),
          "services": ("api/v1", "Service"),
          "replicationcontrollers": ("api/v1", "ReplicationController"),
          "replicasets": ("apis/apps/v1", "ReplicaSet"),
          "deployments": ("apis/apps/v1", "Deployment"),
          "daemonsets": ("apis/apps/v1", "DaemonSet"),
          "statefulsets": ("apis/apps/v1", "StatefulSet"),
          "jobs": ("apis/batch/v1", "Job"), "cronjobs": ("apis/batch/v1", "CronJob")}
RESOURCES = {kind: (resource, group) for resource, (group, kind) in GROUPS.items()}
SELECTOR = re.compile(r"([a-z.A-Z]+)(=|!=)(.*)")


def thing(name, namespace="", labels=None, owner=None, **more):
    """Any object; owner: another one, of which it is."""
    metadata = {"name": name, "uid": str(uuid.uuid4()), "labels": dict(labels or {})}
    if namespace:
        metadata["namespace"] = namespace
    if owner:
        version = RESOURCES[owner["kind"]][1].split("/", 1)[1]
        metadata["ownerReferences"] = [{
            "apiVersion": version, "kind": owner["kind"], "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}]
    return {"metadata": metadata, **more}


def pod(name, namespace="default", node="node-1", labels=None, owner=None, ip="10.0.0.9",
        phase="Running", account="default", filling=0):
    """A pod; filling: bytes of what the API tells beside what is of use."""
    it = thing(name, namespace, labels, owner,
               spec={"nodeName": node, "serviceAccountName": account,
                     "containers": [{"name": "main", "image": "busybox",
                                     "env": [{"name": "X", "value": "y" * filling}]}]},
               status={"phase": phase, "podIP": ip, "conditions": []})
    it["kind"] = "Pod"
    return it


class Watch:
    """Where a watch of pods is, and whom it selects."""

    def __init__(self, version, selector):
        self.version = version
        self.selector = selector


class ApiServer:
    """Use as a context manager. Thread-safe."""

    def __init__(self, certificate=None, token=None):
        self.changed = threading.Condition()
        self.version = 100
        self.objects = {}
        self.history = []  # (version, type, object, object before)
        self.oldest = 100  # what happened before is forgotten
        self.token = token
        self.manner = {}
        self.asked = []
        self.connections = set()
        self.watches = 0
        self.told = 0  # the version up to which the last watch was told
        self.is_over = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                outer.connections.add(self.connection)

            def finish(self):
                outer.connections.discard(self.connection)
                try:
                    super().finish()
                except OSError:
                    pass

            def do_GET(self):
                try:
                    outer.answer(self)
                except (OSError, ssl.SSLError):
                    self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.http = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True,
                                                   do_handshake_on_connect=False)
            self.scheme = "https"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True,
                                       kwargs={"poll_interval": 0.02})

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        self.http.shutdown()
        self.cut()
        self.http.server_close()

    # What happens in the cluster.

    def put(self, resource, it):
        it = copy.deepcopy(it)
        group, kind = GROUPS[resource]
        it["kind"], it["apiVersion"] = kind, group.split("/", 1)[1]
        key = (resource, it["metadata"].get("namespace", ""), it["metadata"]["name"])
        with self.changed:
            before = self.objects.get(key)
            self.version += 1
            it["metadata"]["resourceVersion"] = str(self.version)
            self.objects[key] = it
            if resource == "pods":
                self.history.append((self.version, it, before))
                self.changed.notify_all()
        return copy.deepcopy(it)

    def delete(self, resource, it):
        key = (resource, it["metadata"].get("namespace", ""), it["metadata"]["name"])
        with self.changed:
            before = self.objects.pop(key)
            self.version += 1
            if resource == "pods":
                self.history.append((self.version, None, before))
                self.changed.notify_all()

    def compact(self):
        """Forgets what has happened; watches that are under way go on."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.history.clear()

    def cut(self):
        """Cuts all connections."""
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def count(self, pattern):
        return sum(1 for path in list(self.asked) if re.search(pattern, path))

    # Requests.

    def answer(self, request):
        path, _, query = request.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        self.asked.append(urllib.parse.unquote(request.path))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            self.refuse(request, 401, "Unauthorized")
        elif self.behave_badly(request, path, query):
            pass
        elif path == "/pods":
            self.list(request, "pods", None, {})
        elif path == "/api/v1/pods":
            (self.watch if query.get("watch") == "1" else self.list)(request, "pods", None, query)
        elif match := re.fullmatch(r"/api/v1/namespaces/([^/]+)/services", path):
            self.list(request, "services", match[1], query)
        elif match := re.fullmatch(r"/(api/v1|apis/[^/]+/v1)(?:/namespaces/([^/]+))?/([a-z]+)/"
                                   r"([^/]+)", path):
            self.one(request, *match.groups(), query)
        elif match := re.fullmatch(r"/(api/v1)/namespaces/([^/]+)", path):
            self.one(request, match[1], None, "namespaces", match[2], query)
        else:
            self.refuse(request, 404, "no such path")

    def behave_badly(self, request, path, query):
        """Whether it did."""
        for pattern, manner in list(self.manner.items()):
            if not re.search(pattern, urllib.parse.unquote(request.path)):
                continue
            if isinstance(manner, tuple):
                self.refuse(request, *manner)
            elif manner == "hang":
                with self.changed:
                    self.changed.wait_for(lambda: self.is_over or
                                          self.manner.get(pattern) != "hang")
                request.close_connection = True
            elif manner == "hang up":
                request.close_connection = True
            elif manner == "large":
                self.send_large(request)
            elif isinstance(manner, bytes):
                self.send(request, 200, manner)
            return True
        return False

    def send_large(self, request):
        block = b'{"metadata":{},"x":"' + b" " * 65516
        request.send_response(200)
        request.send_header("Content-Length", str(1600 * 65536))
        request.end_headers()
        for _ in range(1600):
            request.wfile.write(block)
            block = b" " * 65536

    def send(self, request, status, body, **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":")).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    def refuse(self, request, status, message, **headers):
        self.send(request, status, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                                    "message": message, "code": status}, **headers)

    def one(self, request, group, namespace, resource, name, query):
        with self.changed:
            it = self.objects.get((resource, namespace or "", name))
            if not it or GROUPS[resource][0] != group:
                self.refuse(request, 404, f'{resource} "{name}" not found')
                return
            if "as=PartialObjectMetadata;" in request.headers.get("Accept", ""):
                it = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                      "metadata": it["metadata"]}
        self.send(request, 200, it)

    @staticmethod
    def selects(selector, it):
        if not it:
            return False
        for part in filter(None, selector.split(",")):
            name, operator, value = SELECTOR.fullmatch(part).groups()
            found = it
            for step in name.split("."):
                found = found.get(step, "")
            if (found == value) != (operator == "="):
                return False
        return True

    def list(self, request, resource, namespace, query):
        with self.changed:
            version, offset = self.version, 0
            if "continue" in query:
                version, offset = json.loads(base64.b64decode(query["continue"]))
                if version < self.oldest:
                    self.refuse(request, 410, "the continue parameter is too old")
                    return
            items = [it for key, it in sorted(self.objects.items())
                     if key[0] == resource and namespace in (None, key[1]) and
                     self.selects(query.get("fieldSelector", ""), it)]
        limit = int(query.get("limit", 0)) or len(items)
        metadata = {"resourceVersion": str(version)}
        if offset + limit < len(items):
            metadata["continue"] = base64.b64encode(
                json.dumps([version, offset + limit]).encode()).decode()
            metadata["remainingItemCount"] = len(items) - offset - limit
        self.send(request, 200, {"kind": GROUPS[resource][1] + "List", "apiVersion": "v1",
                                 "metadata": metadata, "items": items[offset:offset + limit]})

    def watch(self, request, _resource, _namespace, query):
        watch = Watch(int(query["resourceVersion"]), query.get("fieldSelector", ""))
        seconds = min(float(query.get("timeoutSeconds", 300)),
                      self.manner.get("watch seconds", 300))
        bookmarks = self.manner.get("bookmark seconds", 60) \
            if query.get("allowWatchBookmarks") == "true" else 1000
        if watch.version < self.oldest:
            self.refuse(request, 410, "too old resource version")
            return
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.flush()
        self.watches += 1
        try:
            self.follow(request, watch, time.monotonic() + seconds, bookmarks)
        finally:
            self.watches -= 1
        request.wfile.write(b"0\r\n\r\n")

    def follow(self, request, watch, end, bookmark_seconds):
        bookmark = time.monotonic() + bookmark_seconds
        while time.monotonic() < end and not self.is_over:
            with self.changed:
                self.changed.wait_for(
                    lambda: self.is_over or self.version > watch.version,
                    max(0, min(end, bookmark) - time.monotonic()))
                if watch.version < self.oldest and self.manner.get("gone in the midst"):
                    news = None
                else:
                    news = [h for h in self.history if h[0] > watch.version]
                    version = self.version
            if news is None:
                self.tell(request, "ERROR", {"kind": "Status", "code": 410,
                                             "message": "too old resource version"})
                return
            for at, now, before in news:
                self.tell_change(request, watch, at, now, before)
            watch.version = self.told = max(watch.version, version)
            if time.monotonic() >= bookmark:
                bookmark = time.monotonic() + bookmark_seconds
                self.tell(request, "BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": {
                    "resourceVersion": str(watch.version)}})

    def tell_change(self, request, watch, at, now, before):
        is_in, was_in = self.selects(watch.selector, now), self.selects(watch.selector, before)
        if not is_in and not was_in:
            return
        it = copy.deepcopy(now if is_in else now or before)
        it["metadata"]["resourceVersion"] = str(at)
        self.tell(request, "MODIFIED" if is_in and was_in else "ADDED" if is_in else "DELETED", it)

    @staticmethod
    def tell(request, change, it):
        line = json.dumps({"type": change, "object": it}, separators=(",", ":")).encode() + b"\n"
        request.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        request.wfile.flush()


def make_certificate(directory, name="server", address="127.0.0.1"):
    """A certificate for that address that signs itself: (certificate, key)."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-addext", f"subjectAltName=IP:{address}",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return str(certificate), str(key)

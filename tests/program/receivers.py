# SPDX-License-Identifier: Apache-2.0
"""A web server that alerts are sent to, with TLS and certificates where asked."""

import http.server
import ssl
import subprocess
import threading


class Request:
    def __init__(self, handler, body):
        self.path = handler.path
        self.method = handler.command
        self.headers = handler.headers
        self.body = body
        self.connection = handler.client_address[1]
        self.certificate = None
        if isinstance(handler.connection, ssl.SSLSocket):
            self.certificate = handler.connection.getpeercert()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while (size := int(self.rfile.readline(), 16)):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answer(self, Request(self, body))

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients that go away, or whose certificate is refused, are what some tests are about."""


class WebServer:
    """Takes requests and answers with the statuses given, the last of them for ever; "stall"
    answers not before the server is closed."""

    def __init__(self, statuses=(200,), tls=None, headers=(), answer=b"ok"):
        self.requests = []
        self.statuses = list(statuses)
        self.headers = headers
        self.answer_body = answer
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.answer = self.answer
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}/alerts"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def answer(self, handler, request):
        with self.changed:
            self.requests.append(request)
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            self.changed.notify_all()
        if status == "stall":
            self.closing.wait()
            return
        handler.send_response(status)
        for name, value in self.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.answer_body)))
        handler.end_headers()
        handler.wfile.write(self.answer_body)

    @property
    def bodies(self):
        return [request.body.decode() for request in self.requests]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Certificates:
    """An authority, a server's certificate for 127.0.0.1 and a client's, made by openssl."""

    def __init__(self, directory):
        self.directory = directory
        for name in ("authority", "stranger"):
            self.run("req", "-x509", "-subj", f"/CN={name}", "-out", self.path(f"{name}.crt"),
                     "-addext", "basicConstraints=critical,CA:TRUE", *self.new_key(name))
        self.sign("server", "authority", "subjectAltName=IP:127.0.0.1")
        self.sign("client", "authority", "extendedKeyUsage=clientAuth")
        self.sign("stranger-client", "stranger", "extendedKeyUsage=clientAuth")

    def path(self, name):
        return str(self.directory / name)

    def new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self.path(f"{name}.key")]

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def sign(self, name, authority, extension):
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(extension + "\n")
        self.run("req", "-new", "-subj", f"/CN={name}", "-out", self.path(f"{name}.csr"),
                 *self.new_key(name))
        self.run("x509", "-req", "-in", self.path(f"{name}.csr"), "-days", "1",
                 "-CA", self.path(f"{authority}.crt"), "-CAkey", self.path(f"{authority}.key"),
                 "-CAcreateserial", "-extfile", str(extensions), "-out", self.path(f"{name}.crt"))

    def context(self, client=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.crt"), self.path("server.key"))
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.path("authority.crt"))
        return context

"""The transport over real sockets: cut connections, slowness, throttling, answers that are none."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assay.engine.errors import InputError
from assay.engine.kubernetes import api as apis
from assay.engine.kubernetes import cluster
from assay.engine.kubernetes.cluster import Options

PATH = "/apis/apps/v1/deployments"


class Handler(BaseHTTPRequestHandler):
    """Answers as an API server does, after the faults that stand in `server.faults` by path."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say({"status": {"allowed": True}})

    def do_GET(self):
        path = self.path.split("?")[0]
        self.server.tokens.add(self.headers.get("Authorization"))
        faults = self.server.faults.get(path)
        if faults:
            getattr(self, faults.pop(0))()
        elif path == "/version":
            self.say({"gitVersion": "v1.37.0"})
        elif path == "/apis/apps/v1":
            found = {"name": "deployments", "kind": "Deployment", "namespaced": True}
            self.say({"resources": [found | {"verbs": ["list"]}]})
        elif "continue=" in self.path:
            self.say({"items": [{"metadata": {"name": "b", "namespace": "n"}}]})
        else:
            items = [{"metadata": {"name": "a", "namespace": "n"}}]
            self.say({"items": items, "metadata": {"continue": "next"}})

    def say(self, value, status=200, **headers):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, held in headers.items():
            self.send_header(name.replace("_", "-"), held)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"items": [')
        self.close_connection = True

    def hang(self):
        self.server.end.wait(20)
        self.close_connection = True

    def throttle(self):
        self.say({"message": "slow down"}, 429, Retry_After="1")

    def broken(self):
        self.say({"message": "etcd is away"}, 500)

    def expired(self):
        self.say({"message": "the token has expired"}, 410)

    def redirect(self):
        self.say({}, 302, Location="http://127.0.0.1:9/")

    def refuse(self):
        self.say({"message": "Unauthorized"}, 401)

    def prose(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")


@pytest.fixture
def server(tmp_path, monkeypatch):
    pytest.importorskip("kubernetes")
    held = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.faults, held.tokens, held.end = {}, set(), threading.Event()
    held.daemon_threads = True
    threading.Thread(target=held.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{held.server_port}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
        "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "there",
    }
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    yield held
    held.end.set()
    held.shutdown()
    held.server_close()


def read(server, timeout=10.0):
    api = apis.connect("there", timeout)
    loaded = cluster.load(api, Options(frozenset({"apps/v1/Deployment"})))
    return [found.address for found in loaded.resources], [error.message for error in loaded.errors]


WHOLE = ["apps/Deployment/n/a", "apps/Deployment/n/b"]


@pytest.mark.parametrize(
    "faults",
    [
        [],
        ["cut"],
        ["throttle"],
        ["broken", "broken"],
        ["expired"],
        ["cut", "broken", "expired", "cut"],
    ],
    ids=" ".join,
)
def test_what_passes_is_overcome(server, faults):
    server.faults[PATH] = list(faults)
    assert read(server) == (WHOLE, [])
    assert server.faults[PATH] == []
    assert server.tokens == {"Bearer secret-token"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("cut", "the connection was cut, until 2 seconds had passed"),
        ("hang", "it took too long to answer, until 2 seconds had passed"),
        ("broken", "etcd is away, until 2 seconds had passed"),
        ("expired", "the token has expired"),
        ("redirect", "HTTP 302"),
        ("prose", "the answer is no JSON"),
        ("refuse", "Unauthorized"),
    ],
)
def test_what_stays_is_an_error_within_the_deadline(server, fault, message):
    server.faults[PATH] = [fault] * 1000
    assert read(server, timeout=2) == (
        [],
        [f"apps/v1/Deployment could not be listed: {message}"],
    )


@pytest.mark.parametrize("fault", ["hang", "refuse", "broken", "prose"])
def test_a_server_that_does_not_answer_at_first_is_one_message(server, fault):
    server.faults["/version"] = [fault] * 1000
    with pytest.raises(InputError) as caught:
        apis.connect("there", timeout=1)
    assert [problem.code for problem in caught.value.problems] == ["cluster-unreachable"]
    assert "secret-token" not in caught.value.render()

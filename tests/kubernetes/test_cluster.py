"""A live cluster is read whole or not at all; what may not be read is said. No server is needed."""

from __future__ import annotations

import gzip
import json
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from assay.engine.errors import InputError
from assay.engine.kubernetes import api as apis
from assay.engine.kubernetes import cluster, live, snapshot
from assay.engine.kubernetes.api import Answer, Api, ApiError
from assay.engine.kubernetes.cluster import Options
from assay.engine.model import Unknown

APPS = {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}
APPS["resources"] += [
    {"name": "deployments/scale", "kind": "Scale", "namespaced": True, "verbs": ["get"]},
    {"name": "replicasets", "kind": "ReplicaSet", "namespaced": True, "verbs": ["list"]},
]
APPS["resources"][0]["verbs"] = ["list", "get"]
CORE = {
    "resources": [
        {"name": name, "kind": kind, "namespaced": kind not in ("Node", "Namespace")}
        | {"verbs": ["list"]}
        for name, kind in [
            ("pods", "Pod"),
            ("secrets", "Secret"),
            ("nodes", "Node"),
            ("namespaces", "Namespace"),
        ]
    ]
}


class Server:
    """A cluster of plain data: `lists` maps a path to its objects; `faults` go first, in order."""

    def __init__(self, lists, denied=(), faults=()):
        self.lists = lists
        self.denied = set(denied)
        self.faults = list(faults)
        self.now = 0.0
        self.asked = []

    def api(self, timeout=60.0):
        return Api("prod", self.send, timeout, lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.now += seconds

    def send(self, method, path, accept, body, seconds):
        self.now += 0.01
        place = urlsplit(path)
        query = parse_qs(place.query)
        self.asked.append((method, place.path, query.get("continue", [""])[0]))
        if method == "POST":
            attributes = json.loads(body)["spec"]["resourceAttributes"]
            asked = (attributes["resource"], attributes["namespace"])
            return answer({"status": {"allowed": asked not in self.denied}})
        for number, (where, fault) in enumerate(self.faults):
            if where == self.asked[-1][1:]:
                del self.faults[number]
                if isinstance(fault, ApiError):
                    self.now += seconds
                    raise fault
                return fault
        if place.path in ("/api/v1", "/apis/apps/v1"):
            return answer(CORE if place.path == "/api/v1" else APPS)
        if place.path == "/apis":
            return answer({"groups": [{"name": "apps", "versions": [{"version": "v1"}]}]})
        if place.path not in self.lists:
            return answer({"message": "not here"}, 404)
        return self.page(place.path, accept, int(query.get("continue", ["0"])[0]))

    def page(self, path, accept, at):
        held = self.lists[path]
        kind = (
            "List" if "secrets" not in path or accept == apis.JSON else "PartialObjectMetadataList"
        )
        more = {"continue": str(at + 2)} if at + 2 < len(held) else {}
        return answer({"kind": kind, "metadata": more, "items": held[at : at + 2]})


def answer(value, status=200, after=0.0):
    return Answer(status, json.dumps(value).encode(), after)


def thing(name, namespace="web", **more):
    return {"metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"}, **more}


def deployments(count=5):
    return {"/apis/apps/v1/deployments": [thing(f"d{number}") for number in range(count)]}


def load(server, *kinds, **options):
    return cluster.load(server.api(), Options(frozenset(kinds), **options))


def short(loaded):
    return (
        [found.address for found in loaded.resources],
        [(error.code, error.subject) for error in loaded.errors],
        [(gap.kind, gap.subject, gap.state, gap.blocks) for gap in loaded.gaps],
    )


ALL = [f"apps/Deployment/web/d{number}" for number in range(5)]
PATH = "/apis/apps/v1/deployments"
GONE = answer({"message": "expired"}, 410)


def test_pages_are_joined():
    assert short(load(Server(deployments()), "apps/v1/Deployment")) == (ALL, [], [])


@pytest.mark.parametrize(
    ("faults", "gaps"),
    [
        ([((PATH, "2"), answer({}, 429, 2.0))], []),
        ([((PATH, "2"), answer({}, 500)), ((PATH, "2"), answer({}, 503))], []),
        ([((PATH, "4"), ApiError(0, "no connection (ProtocolError)"))], []),
        ([((PATH, "4"), GONE)], [("list", "apps/v1/Deployment", "evaluated", False)]),
        ([((PATH, "2"), GONE)] * 3, [("list", "apps/v1/Deployment", "evaluated", False)]),
    ],
)
def test_what_passes_is_overcome_and_nothing_is_lost_or_doubled(faults, gaps):
    server = Server(deployments(), faults=faults)
    assert short(load(server, "apps/v1/Deployment")) == (ALL, [], gaps)
    assert server.faults == []


@pytest.mark.parametrize(
    "faults",
    [
        [((PATH, "4"), answer({"message": "broken"}, 500))] * 100,
        [((PATH, "4"), ApiError(0, "it took too long"))] * 100,
        [((PATH, "2"), GONE)] * 4,
        [((PATH, "2"), answer({"message": "no"}, 400))],
        [((PATH, "2"), Answer(200, b"not json", 0))],
    ],
)
def test_a_list_cut_short_is_an_error_and_no_list(faults):
    server = Server(deployments() | {"/api/v1/nodes": [thing("n", "")]}, faults=faults)
    resources, errors, gaps = short(load(server, "apps/v1/Deployment"))
    assert (resources, errors, gaps) == ([], [("cluster-list", "apps/v1/Deployment")], [])
    assert server.now <= 60 + apis.REQUEST


@pytest.mark.parametrize("times", [1, 3, 4])
def test_a_list_that_changes_while_it_is_read_is_read_anew_and_said(times):
    server = Server(deployments())
    page, asked = server.page, []

    def changing(path, accept, at):
        found = json.loads(page(path, accept, at).body)
        asked.append(at)
        changed = at == 2 and asked.count(2) <= times
        found["metadata"]["resourceVersion"] = "8" if changed else "7"
        return answer(found)

    server.page = changing
    resources, errors, gaps = short(load(server, "apps/v1/Deployment"))
    if times <= cluster.RESTARTS:
        assert (resources, errors) == (ALL, [])
        assert gaps == [("list", "apps/v1/Deployment", "evaluated", False)]
    else:
        assert (resources, errors) == ([], [("cluster-list", "apps/v1/Deployment")])


def test_null_fields_of_a_live_object_are_none():
    role = {"metadata": {"name": "view"}, "rules": None, "labels": {"a": None}}
    (found,) = load(Server({"/api/v1/nodes": [role]}), "Node").resources
    assert "rules" not in found.values


def test_each_kind_and_namespace_ends_with_its_state():
    server = Server(
        {
            "/api/v1/namespaces": [thing("a", ""), thing("b", "")],
            "/api/v1/namespaces/b/pods": [thing("p", "b")],
        },
        denied=[("pods", ""), ("pods", "a"), ("nodes", "")],
    )
    loaded = load(server, "Pod", "Node", "x.io/v1/Widget", "apps/v2/Deployment")
    assert short(loaded) == (
        ["Pod/b/p"],
        [],
        [
            ("version", "apps/v2/Deployment", "not_expected", False),
            ("version", "x.io/v1/Widget", "not_expected", False),
            ("permission", "Node", "denied", True),
            ("permission", "Pod in a", "denied", True),
        ],
    )


def test_without_a_list_of_namespaces_a_denied_kind_is_denied_as_a_whole():
    server = Server({}, denied=[("pods", ""), ("namespaces", "")])
    assert short(load(server, "Pod")) == ([], [], [("permission", "Pod", "denied", True)])
    server = Server({"/api/v1/namespaces/b/pods": [thing("p", "b")]}, denied=[("pods", "")])
    assert short(load(server, "Pod", namespaces=("b",)))[0] == ["Pod/b/p"]


def test_a_list_that_is_forbidden_in_spite_of_the_review_is_denied():
    server = Server(deployments(), faults=[((PATH, "2"), answer({"message": "no"}, 403))])
    assert short(load(server, "apps/v1/Deployment")) == (
        [],
        [],
        [("permission", "apps/v1/Deployment", "denied", True)],
    )


def test_secrets_are_never_fetched_with_contents():
    note = {"kubectl.kubernetes.io/last-applied-configuration": "hunter2", "kept": "yes"}
    secret = {"metadata": {"name": "s", "namespace": "web", "annotations": note}}
    (found,) = load(Server({"/api/v1/secrets": [secret]}), "Secret").resources
    assert (found.address, found.complete) == ("Secret/web/s", False)
    assert isinstance(found.values["data"], Unknown)
    assert found.values["metadata"] == {
        "name": "s",
        "namespace": "web",
        "annotations": {"kept": "yes"},
    }
    server = Server({"/api/v1/secrets": [secret | {"data": {"a": "hunter2"}}]})
    server.page = lambda *_: answer(
        {"kind": "SecretList", "items": server.lists["/api/v1/secrets"]}
    )
    assert short(load(server, "Secret")) == ([], [("cluster-list", "Secret")], [])


def owned(name, kind, by, **more):
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": by, "uid": f"uid-{by}"}
    found = thing(name, **more)
    found["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    return found


def test_what_a_judged_controller_made_is_judged_there():
    lists = {
        "/apis/apps/v1/deployments": [thing("d")],
        "/apis/apps/v1/replicasets": [owned("r", "Deployment", "d"), thing("alone")],
        "/api/v1/pods": [owned("p", "ReplicaSet", "r"), owned("q", "Cluster", "c"), thing("x")],
    }
    loaded = load(Server(lists), "apps/v1/Deployment", "apps/v1/ReplicaSet", "Pod")
    assert [(found.address, found.calls) for found in loaded.resources] == [
        ("apps/Deployment/web/d", ()),
        ("apps/ReplicaSet/web/alone", ()),
        ("Pod/web/q", ("apps/Cluster/web/c",)),
        ("Pod/web/x", ()),
    ]
    assert [(gap.subject, gap.reason) for gap in loaded.gaps] == [
        ("Pod", "1 made by controllers judged themselves"),
        ("apps/v1/ReplicaSet", "1 made by controllers judged themselves"),
    ]
    loaded = load(Server(lists), "Pod")
    assert [found.address for found in loaded.resources] == ["Pod/web/p", "Pod/web/q", "Pod/web/x"]


def test_a_snapshot_is_scanned_like_the_cluster(tmp_path):
    container = {"name": "a", "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}
    lists = {
        "/apis/apps/v1/deployments": [
            thing("b", spec={"template": {"spec": {"containers": [container]}}}),
            thing("a", spec={"é": [1, 2.5, None]}),
        ],
        "/api/v1/secrets": [thing("s")],
        "/api/v1/pods": [owned("p", "Deployment", "b")],
    }
    options = Options(frozenset({"apps/v1/Deployment", "Secret", "Pod", "Node", "x.io/v1/W"}))
    denied = [("nodes", "")]
    read = cluster.fetch(Server(lists, denied).api(), options)
    data = snapshot.write(read, "prod", "uid", "v1.37.0", None)
    assert b"hunter2" not in gzip.decompress(data)
    assert b'"value":"(secret: named)"' in gzip.decompress(data)
    assert data == snapshot.write(
        read._replace(items=read.items[::-1]), "prod", "uid", "v1.37.0", None
    )
    file = tmp_path / "snapshot"
    file.write_bytes(data)
    ours, theirs = snapshot.load(file), cluster.load(Server(lists, denied).api(), options)
    assert described(ours) == described(theirs)
    assert short(ours)[1:] == short(theirs)[1:]
    assert {found.source for found in ours.resources} == {"snapshot"}


def test_what_is_a_secret_is_marked_with_its_class():
    env = [("A", "AKIA1"), ("A_TOKEN", "changeme"), ("B", "plain"), ("C_PASSWORD", "")]
    variables = [{"name": name, "value": value} for name, value in env]
    pod = thing("p", spec={"containers": [{"env": [*variables, {"name": "D"}]}]})
    lists = {"/api/v1/pods": [pod]}
    (found,) = load(
        Server(lists), "Pod", classify=lambda _, text: "key" * text.startswith("AKIA")
    ).resources
    assert found.values["spec"]["containers"][0]["env"] == [
        {"name": "A", "value": "(secret: key)"},
        {"name": "A_TOKEN", "value": "(secret: )"},
        {"name": "B", "value": "plain"},
        {"name": "C_PASSWORD", "value": ""},
        {"name": "D"},
    ]


def test_secrets_in_the_lines_of_settings_and_in_custom_objects_are_marked():
    def classify(name, text):
        return "named" if name.lower().endswith(("password", "passwd")) else ""

    data = {
        "fluent.conf": "[OUTPUT]\n  Host x\n  HTTP_Passwd   hunter2\n",
        "app.yaml": "db:\n  - password: hunter2\n    user: a\n",
        "realm.json": '{"a": 1, "password": "hunter2", "b": [{"passwd":"hunter2"}]}',
        "app.properties": "db.password=hunter2;\nx=1\n",
        "DB_PASSWORD": "hunter2",
    }
    (found,) = load(
        Server({"/api/v1/nodes": [thing("c", "", data=data)]}), "Node", classify=classify
    ).resources
    assert "hunter2" in str(found.values), "only what is a ConfigMap has such data"
    item = {"apiVersion": "v1", "kind": "ConfigMap", "data": dict(data)}
    assert live.trim(item, classify=classify)["data"] == {
        "fluent.conf": "[OUTPUT]\n  Host x\n  HTTP_Passwd   (secret: named)\n",
        "app.yaml": 'db:\n  - password: "(secret: named)"\n    user: a\n',
        "realm.json": data["realm.json"].replace("hunter2", "(secret: named)"),
        "app.properties": "db.password=(secret: named);\nx=1\n",
        "DB_PASSWORD": "(secret: named)",
    }
    custom = {"apiVersion": "x.io/v1", "kind": "W", "spec": {"a": [{"password": "hunter2"}]}}
    assert live.trim(custom, classify=classify)["spec"] == {"a": [{"password": "(secret: named)"}]}


def described(loaded):
    return [
        (found.address, found.kind, canonical(found.values), found.place, found.sensitive)
        for found in loaded.resources
    ]


def canonical(values):
    return json.dumps(values, sort_keys=True, default=repr)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no snapshot",
        gzip.compress(b"{}\n"),
        gzip.compress(b'{"schema": "assay/snapshot/1"}\n'),
        gzip.compress(
            b'{"schema": "assay/snapshot/1", "cluster": "a", "errors": [], "gaps": []}\n'
            b'{"kind": 1}\n'
        ),
        gzip.compress(b'{"schema": "assay/snapshot/1"}\n' * 10)[:-9],
    ],
)
def test_what_is_no_snapshot_is_refused(tmp_path, data):
    file = tmp_path / "s.gz"
    file.write_bytes(data)
    with pytest.raises(InputError) as caught:
        snapshot.load(file)
    assert caught.value.problems[0].code == "snapshot"


CONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: there, context: {{cluster: c, user: u}}}}]
current-context: there
"""


@pytest.mark.parametrize(
    ("context", "server", "code"),
    [
        ("nowhere", "https://127.0.0.1:9", "cluster-context"),
        ("there", "https://127.0.0.1:9", "cluster-unreachable"),
        ("there", "https://no-such-host.invalid", "cluster-unreachable"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_clear_message(
    tmp_path, monkeypatch, context, server, code
):
    pytest.importorskip("kubernetes")
    (tmp_path / "config").write_text(CONFIG.format(server=server))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(InputError) as caught:
        apis.connect(context, timeout=1)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert "0x" not in caught.value.render()


def test_a_certificate_that_is_not_trusted_is_one_clear_message(tmp_path, monkeypatch):
    pytest.importorskip("kubernetes")
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not on PATH")
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"https://127.0.0.1:{server.server_port}"
    (tmp_path / "config").write_text(CONFIG.format(server=address))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(InputError) as caught:
        apis.connect("there", timeout=10)
    server.shutdown()
    server.server_close()
    assert [problem.message for problem in caught.value.problems] == [
        "the cluster `there` does not answer: its certificate is not trusted: "
        "self-signed certificate"
    ]

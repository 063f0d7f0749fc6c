"""The same against a real API server: paging, permissions, Secrets, deletion under way, scopes."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from assay.engine import files
from assay.engine.commands import rbac
from assay.engine.kubernetes import api as apis
from assay.engine.kubernetes import cluster, drift, kinds, live, loader, snapshot
from assay.engine.kubernetes.cluster import Options

CORPORA = Path(os.environ.get("ASSAY_CORPORA") or Path(__file__).parents[3] / "shared/corpora")
pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def filled(apiserver):
    """A namespace with 1,200 ConfigMaps, a Secret, and an account that may read only some."""
    pytest.importorskip("kubernetes")
    core = "/api/v1/namespaces"
    apiserver.create(core, named("assay-live", "Namespace"))
    apiserver.create(core, named("assay-other", "Namespace"))
    here = f"{core}/assay-live"

    def fill(numbers):
        for number in numbers:
            apiserver.create(f"{here}/configmaps", named(f"m{number:04}", "ConfigMap"))
        apiserver._connection().close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, [range(first, 1200, 4) for first in range(4)]))
    apiserver.create(f"{here}/secrets", named("s", "Secret", stringData={"a": "hunter2"}))
    apiserver.create(f"{here}/serviceaccounts", named("auditor", "ServiceAccount"))
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    everywhere = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}]
    group = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    account = {"kind": "ServiceAccount", "name": "auditor", "namespace": "assay-live"}
    for path, kind, role, given in [
        (f"{rbac}/namespaces/assay-live/roles", "Role", "read", rules),
        (f"{rbac}/clusterroles", "ClusterRole", "assay-namespaces", everywhere),
    ]:
        apiserver.create(path, named(role, kind, rules=given) | group)
        binding = named(role, f"{kind}Binding", subjects=[account]) | group
        binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
        apiserver.create(f"{path.removesuffix('s')}bindings", binding)
    yield apiserver
    apiserver._connection().close()


def named(name, kind, **more):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


def connect(apiserver, monkeypatch, tmp_path, token=None):
    config = yaml.safe_load(apiserver.kubeconfig.read_text())
    if token:
        config["users"][0]["user"] = {"token": token}
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return apis.connect("test", timeout=60)


def test_an_account_reads_what_it_may_and_says_the_rest(filled, monkeypatch, tmp_path):
    token = filled.create(
        "/api/v1/namespaces/assay-live/serviceaccounts/auditor/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )["status"]["token"]
    api = connect(filled, monkeypatch, tmp_path, token)
    asked = frozenset({"ConfigMap", "Secret", "Node", "cert-manager.io/v1/Certificate"})
    loaded = cluster.load(api, Options(asked))
    assert [found.address for found in loaded.resources] == [
        f"ConfigMap/assay-live/m{number:04}" for number in range(1200)
    ]
    assert loaded.errors == []
    states = {(gap.subject, gap.state) for gap in loaded.gaps}
    assert {
        ("ConfigMap in assay-other", "denied"),
        ("ConfigMap in kube-system", "denied"),
        ("Secret in assay-live", "denied"),
        ("Node", "denied"),
        ("cert-manager.io/v1/Certificate", "not_expected"),
    } <= states
    assert ("ConfigMap in assay-live", "denied") not in states


def test_no_value_of_a_secret_is_fetched(filled, monkeypatch, tmp_path):
    api = connect(filled, monkeypatch, tmp_path)
    seen = []
    send = api._transport
    api._transport = lambda *words: seen.append(send(*words)) or seen[-1]
    read = cluster.fetch(api, Options(frozenset({"Secret"})))
    assert "s" in [item["metadata"]["name"] for item in read.items]
    bodies = b"".join(answer.body for answer in seen)
    assert b"PartialObjectMetadata" in bodies
    assert b"aHVudGVyMg==" not in bodies
    assert b"hunter2" not in bodies


def test_objects_deleted_while_listing_are_no_harm(filled, monkeypatch, tmp_path):
    api = connect(filled, monkeypatch, tmp_path)
    send = api._transport
    place = "/api/v1/namespaces/assay-live/configmaps"

    def deleting(*words):
        answer = send(*words)
        if "configmaps" in words[1] and "continue=" not in words[1]:
            filled.request("DELETE", f"{place}/m1100")
        return answer

    api._transport = deleting
    read = cluster.fetch(api, Options(frozenset({"ConfigMap"})))
    names = [item["metadata"]["name"] for item in read.items]
    assert len([name for name in names if name.startswith("m")]) == 1200
    filled.create(place, named("m1100", "ConfigMap"))


def test_a_snapshot_of_a_real_cluster(filled, monkeypatch, tmp_path):
    api = connect(filled, monkeypatch, tmp_path)
    options = Options(frozenset({"ConfigMap", "Secret", "Namespace"}))
    uid, version = cluster.identity(api)
    assert (len(uid), version[:2]) == (36, "v1")
    file = tmp_path / "s.gz"
    file.write_bytes(snapshot.write(cluster.fetch(api, options), "test", uid, version, None))
    again = [found.address for found in snapshot.load(file).resources]
    assert again == [found.address for found in cluster.load(api, options).resources]


def test_scopes_are_those_of_discovery(filled):
    """The table of built-in kinds against the server's own word, both ways."""
    groups = filled.request("GET", "/apis")[1]["groups"]
    versions = ["v1"] + [each["groupVersion"] for group in groups for each in group["versions"]]
    wrong = []
    for version in versions:
        base = "/apis" if "/" in version else "/api"
        for each in filled.request("GET", f"{base}/{version}")[1]["resources"]:
            if "/" in each["name"]:
                continue
            said = kinds.namespaced(kinds.group(version), each["kind"], {})
            if said is not each["namespaced"]:
                wrong.append((version, each["kind"], each["namespaced"]))
    assert wrong == []


def test_null_is_dropped_as_the_server_drops_it(filled, tmp_path, monkeypatch):
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: nulls\n  namespace: assay-live\n"
        "  labels: {a: null}\n  annotations: {b: }\n  finalizers: null\n"
        "data: {a: null, b: 'x'}\nbinaryData: ~\nimmutable: null\n"
    )
    status, answer = post_yaml(filled, "/api/v1/namespaces/assay-live/configmaps", text)
    assert status == 201, answer
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    (found,) = loader.load(files.discover(["."])).resources
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        del answer["metadata"][field]
    assert found.values == answer


def post_yaml(server, path, text):
    connection = server._connection()
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/yaml"}
    connection.request("POST", path, text.encode(), headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_plurals_are_those_of_discovery(filled):
    groups = filled.request("GET", "/apis")[1]["groups"]
    versions = ["v1"] + [each["groupVersion"] for group in groups for each in group["versions"]]
    wrong = [
        (version, each["kind"], each["name"])
        for version in versions
        for each in filled.request("GET", f"/api{'s' * ('/' in version)}/{version}")[1]["resources"]
        if "/" not in each["name"] and rbac.plural(each["kind"]) != each["name"]
    ]
    assert wrong == []


# Declared fields that no API server knows, so it drops them: misspelt, or of another kind.
DROPPED = {
    ("Pod/assay-live/rbd", "spec.volumes[0].rbd.imageformat"),
    ("Pod/assay-live/rbd", "spec.volumes[0].rbd.imagefeatures"),
    ("Pod/assay-live/pod-0", "spec.volumes[0].scaleIO.protectionDoamin"),
    ("Pod/assay-live/test-storageos-redis", "spec.volumes[0].storageos.pool"),
    ("PersistentVolume/-/pv0001", "spec.storageos.secretName"),
}


@pytest.mark.corpora
def test_what_the_server_makes_of_a_declaration_is_no_drift(filled, monkeypatch):
    """Each object of the corpus that the server takes, against what it would store."""
    if not (CORPORA / "manifests").is_dir():
        pytest.skip(f"no corpora at {CORPORA}")
    monkeypatch.chdir(CORPORA)
    monkeypatch.setenv("PATH", "")
    options = loader.Options(namespace="assay-live")
    taken, found = 0, set()
    for resource in loader.load(files.discover(["manifests"]), options).resources:
        stored = stored_by(filled, resource)
        if stored is not None:
            taken += 1
            found |= {
                (each.address, each.path)
                for each in drift.compare([resource], [live.trim(stored, True)], {}, "c")
            }
    assert found == DROPPED
    assert taken > 400


def stored_by(server, resource):
    """What the server would store, None where it refuses; all go into one namespace."""
    values = resource.values
    group = kinds.group(values["apiVersion"])
    if not kinds.is_builtin(group):
        return None
    base = f"/api{'s' * ('/' in values['apiVersion'])}/{values['apiVersion']}"
    inner = ""
    if resource.namespace:
        resource.namespace = "assay-live"
        values["metadata"]["namespace"] = "assay-live"
        name = values["metadata"].get("name")
        resource.address = kinds.address(group, values["kind"], "assay-live", name)
        inner = "/namespaces/assay-live"
    path = f"{base}{inner}/{rbac.plural(values['kind'])}?dryRun=All"
    try:
        status, answer = server.request("POST", path, values)
    except json.JSONDecodeError:
        return None  # a group that is not served answers in prose
    return answer if status == 201 else None

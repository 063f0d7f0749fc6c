"""Files → resources, errors and gaps: whole outcomes, so that nothing is lost without a word."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from assay.engine import files
from assay.engine.kubernetes import kinds, loader, places
from assay.engine.kubernetes.loader import Options
from assay.engine.model import Unknown

CORPORA = Path(os.environ.get("ASSAY_CORPORA") or Path(__file__).parents[3] / "shared/corpora")
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {}\n  namespace: data\n"


def read(tmp_path, monkeypatch, contents, options=None):
    """Write the files and load them, on a machine without Helm and kubectl."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.setitem(sys.modules, "helm_python", None)  # nor the wheel
    monkeypatch.chdir(tmp_path)
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return loader.load(files.discover(["."]), options)


def short(loaded):
    """Everything that was accounted for, as text."""
    return (
        [f"{found.address} {spot(found.place)}" for found in loaded.resources],
        [f"{error.code} {spot(error.place)}" for error in loaded.errors],
        [
            f"{gap.kind} {gap.subject} {spot(gap.place)} {gap.state}{' blocks' * gap.blocks}"
            for gap in loaded.gaps
        ],
    )


def spot(place):
    return f"{place.file}:{place.line}:{place.column}"


DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: services}\n"
CASES = {
    "documents in order": (
        {"a.yaml": f"# c\n---\n{POD.format('a')}---\n---\n# none\n---\n{POD.format('b')}"},
        (["Pod/data/a a.yaml:3:1", "Pod/data/b a.yaml:12:1"], [], []),
    ),
    "a broken document leaves its neighbours": (
        {"a.yaml": f"{POD.format('a')}---\nkind: [\n---\n{POD.format('b')}"},
        (["Pod/data/a a.yaml:1:1", "Pod/data/b a.yaml:9:1"], ["yaml-syntax a.yaml:8:1"], []),
    ),
    "what kubectl would drop: text after an end marker": (
        {"a.yaml": f"{POD.format('a')}...\n{POD.format('b')}"},
        (["Pod/data/a a.yaml:1:1"], ["yaml-syntax a.yaml:7:1"], []),
    ),
    "lists": (
        {
            "a.yaml": "apiVersion: v1\nkind: List\nitems:\n"
            "- apiVersion: v1\n  kind: Namespace\n  metadata: {name: data}\n"
            "- apiVersion: v1\n  kind: ServiceList\n  items:\n"
            "  - metadata: {name: s, namespace: d}\n"
            "- no object\n"
        },
        (
            ["Namespace/-/data a.yaml:4:3", "Service/d/s a.yaml:10:5"],
            ["manifest-item a.yaml:11:3"],
            [],
        ),
    ),
    "an empty list": ({"a.yaml": "apiVersion: v1\nkind: List\nitems: []\n"}, ([], [], [])),
    "a custom kind that ends so and is none": (
        {"a.yaml": "apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a, namespace: b}\n"},
        (["x.io/AllowList/b/a a.yaml:1:1"], [], []),
    ),
    "JSON, several in a file": (
        {"a.json": '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}\n' * 2},
        (["Node/-/n a.json:1:1", "Node/-/n a.json:2:1"], [], []),
    ),
    "JSON in a YAML file": (
        {"a.yaml": '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "\\ud83d\\ude00"}}'},
        (["Node/-/😀 a.yaml:1:1"], [], []),
    ),
    "any ending": (
        {
            "deploy": DEPLOYMENT,
            "a.manifest": f"# x\n---\n{DEPLOYMENT}",
            "README.md": DEPLOYMENT,
            "run.sh": DEPLOYMENT,
            "prose.txt": f"See this:\n{DEPLOYMENT}",
            "image": b"\0" + DEPLOYMENT.encode(),
        },
        (
            [
                "apps/Deployment/services/api a.manifest:3:1",
                "apps/Deployment/services/api deploy:1:1",
            ],
            [],
            [],
        ),
    ),
    "encodings": (
        {
            "a.yaml": "\ufeff" + DEPLOYMENT,
            "b.yaml": DEPLOYMENT.replace("\n", "\r\n"),
            "c.yaml": DEPLOYMENT.encode("utf-16"),
            "d.yaml": DEPLOYMENT.replace("\n", "\r"),
            "e.yaml": b"\xef\xbb\xbf" + f"{DEPLOYMENT}---\r\n{POD.format('b')}".encode(),
        },
        (
            [
                *(f"apps/Deployment/services/api {name}.yaml:1:1" for name in "abcde"),
                "Pod/data/b e.yaml:5:1",
            ],
            [],
            [],
        ),
    ),
    "what is no text": (
        {"a.yaml": b"a: 1\nb: \xff\n", "b.yaml": b"a: 1\0", "c.yaml": b"", "d.yaml": b"\xff\xfea"},
        (
            [],
            ["yaml-encoding a.yaml:2:4", "yaml-encoding b.yaml:1:5", "yaml-encoding d.yaml:1:1"],
            [],
        ),
    ),
    "what is no manifest": (
        {
            ".gitlab-ci.yml": "test: {script: [!reference [a, b]]}\n",
            "compose.yaml": "services: {a: {image: b}}\n",
            "package.json": '{"name": "a"}',
            "tsconfig.json": '{"a": 1, // why\n}',
            "twice.yaml": "a: 1\na: 2\n",
            "text.yaml": "only text\n",
            "client.yaml": "apiVersion: v1\nkind: Config\nusers: []\n",
        },
        (
            [],
            [],
            [
                f"document {name}:{at} not_applicable"
                for name, at in [
                    (".gitlab-ci.yml .gitlab-ci.yml", "1:1"),
                    ("client.yaml client.yaml", "1:1"),
                    ("compose.yaml compose.yaml", "1:1"),
                    ("package.json package.json", "1:1"),
                    ("text.yaml text.yaml", "1:1"),
                    ("tsconfig.json tsconfig.json", "1:10"),
                    ("twice.yaml twice.yaml", "2:1"),
                ]
            ],
        ),
    ),
    "objects that are none": (
        {
            "a.yaml": "apiVersion: v1\nkind: [Pod]\n",
            "b.yaml": "apiVersion: 1\nkind: Pod\n",
            "c.yaml": "apiVersion: v1\nkind: Pod\nmetadata: x\n",
            "d.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: 0}\n",
            "e.json": '{"apiVersion": "v1", "kind": "Pod"',
        },
        (
            [],
            [
                *(f"manifest-type {name}.yaml:1:1" for name in "abcd"),
                "json-syntax e.json:1:35",
            ],
            [],
        ),
    ),
    "charts and kustomizations": (
        {
            "c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
            "c/values.yaml": "a: 1\n",
            "c/templates/a.yaml": "{{ if }}\n",
            "c/charts/d/Chart.yaml": "name: d\n",
            "c/charts/d/templates/b.yaml": "{{ if }}\n",
            "c/crds/x.yaml": DEPLOYMENT,
            "k/kustomization.yaml": "resources: [a.yaml]\n",
            "k/a.yaml": DEPLOYMENT,
        },
        (
            [f"apps/Deployment/services/api {name}:1:1" for name in ("c/crds/x.yaml", "k/a.yaml")],
            [],
            [
                "chart c c/Chart.yaml:1:1 not_parsed blocks",
                "kustomization k k/kustomization.yaml:1:1 not_parsed blocks",
            ],
        ),
    ),
    "scopes and names": (
        {
            "a.yaml": "---\n".join(
                f"apiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\n"
                for version, kind, metadata in [
                    ("v1", "Pod", "{generateName: a-}"),
                    ("v1", "PersistentVolume", "{name: b, namespace: x}"),
                    ("example.org/v1", "Widget", "{name: c}"),
                    ("example.org/v1", "Gadget", "{name: d}"),
                    ("cert-manager.io/v1", "ClusterIssuer", "{name: e}"),
                    ("constraints.gatekeeper.sh/v1beta1", "K8sOne", "{name: f}"),
                    ("argoproj.io/v1alpha1", "Application", ""),
                ]
            ),
            "b.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
            "metadata: {name: widgets.example.org}\n"
            "spec: {group: example.org, scope: Cluster, names: {kind: Widget}}\n",
        },
        (
            [
                "Pod/?/a-* a.yaml:1:1",
                "PersistentVolume/-/b a.yaml:5:1",
                "example.org/Widget/-/c a.yaml:9:1",
                "example.org/Gadget/?/d a.yaml:13:1",
                "cert-manager.io/ClusterIssuer/-/e a.yaml:17:1",
                "constraints.gatekeeper.sh/K8sOne/-/f a.yaml:21:1",
                "argoproj.io/Application/?/? a.yaml:25:1",
                "apiextensions.k8s.io/CustomResourceDefinition/-/widgets.example.org b.yaml:1:1",
            ],
            [],
            [],
        ),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outcome(tmp_path, monkeypatch, case):
    contents, outcome = case
    assert short(read(tmp_path, monkeypatch, contents)) == outcome


def test_hostile_files_are_gaps_and_no_crash(tmp_path, monkeypatch):
    with (tmp_path / "huge.yaml").open("wb") as stream:
        stream.truncate(100 * 2**20)
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    resources, errors, gaps = short(read(tmp_path, monkeypatch, {"a.yaml": DEPLOYMENT}))
    assert resources == ["apps/Deployment/services/api a.yaml:1:1"]
    assert errors == []
    assert gaps == ["file huge.yaml huge.yaml:1:1 not_parsed blocks"]


PLACES = """\
# first
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a, namespace: data, labels: {"x/y": "1"}}
  spec:
    containers:
    - name: one
      image: a
    -
      image: b
      env: [{name: A, value: é}, {name: B}]
    volumes: &v
    - {name: w}
    other: *v
---
apiVersion: v1
kind: Pod
metadata: {name: b}
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 5, 3),
        (("kind",), 6, 3),
        (("metadata", "labels", "x/y"), 7, 49),
        (("spec", "containers"), 9, 5),
        (("spec", "containers", 0), 10, 7),
        (("spec", "containers", 0, "image"), 11, 7),
        (("spec", "containers", 1), 13, 7),
        (("spec", "containers", 1, "env", 1), 14, 34),
        (("spec", "containers", 1, "env", 1, "name"), 14, 35),
        (("spec", "containers", 1, "securityContext", "privileged"), 13, 7),
        (("spec", "containers", 7), 9, 5),
        (("spec", "other", 0, "name"), 16, 8),
        (("status",), 5, 3),
    ],
)
def test_places(tmp_path, monkeypatch, path, line, column):
    pod, _ = read(tmp_path, monkeypatch, {"a.yaml": PLACES}).resources
    place = pod.locate(path)
    assert (place.file, place.line, place.column) == ("a.yaml", line, column)


def test_places_in_json_and_after_markers(tmp_path, monkeypatch):
    text = json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": {"a": [1, {"b": 2}]}}, indent=1)
    loaded = read(tmp_path, monkeypatch, {"a.json": text, "b.yaml": PLACES})
    assert loaded.resources[0].locate(("spec", "a", 1, "b"))[:3] == ("a.json", 8, 5)
    last = loaded.resources[2]
    assert last.place[:3] == ("b.yaml", 19, 1)
    assert last.locate(("metadata", "namespace"))[:3] == ("b.yaml", 21, 1)
    assert last.locate(("metadata", "name"))[:3] == ("b.yaml", 21, 12)


def test_a_file_that_changed_tells_no_wrong_place(tmp_path, monkeypatch):
    loaded = read(tmp_path, monkeypatch, {"a.yaml": PLACES})
    (tmp_path / "a.yaml").write_text("# a\n" * 9 + PLACES)
    assert loaded.resources[1].locate(("kind",)) == loaded.resources[1].place


def test_kept_places_stay_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "KEPT", 300)
    pods = {f"{number}.yaml": POD.format(f"p{number}") for number in range(20)}
    loaded = read(tmp_path, monkeypatch, pods)
    spots = [pod.locate(("metadata", "name")).line for pod in loaded.resources]
    kept = loaded.resources[0].locate._places._known
    assert (spots, len(kept)) == ([4] * 20, 4)


def test_values_are_what_the_api_server_decodes(tmp_path, monkeypatch):
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b, labels: {c: null}}\n"
        "spec: {hostNetwork: null, containers: [null, {name: x, image: }], on: yes}\nstatus:\n"
    )
    (pod,) = read(tmp_path, monkeypatch, {"a.yaml": text}).resources
    assert pod.values == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "b", "labels": {"c": ""}},
        "spec": {"containers": [None, {"name": "x"}], "true": True},
    }
    assert pod.complete


def test_a_namespace_comes_from_the_environment_or_is_unknown(tmp_path, monkeypatch):
    contents = {
        "a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n" + f"---\n{POD.format('b')}"
    }
    a, b = read(tmp_path, monkeypatch, contents).resources
    namespace = a.values["metadata"]["namespace"]
    assert isinstance(namespace, Unknown)
    assert namespace.not_null
    assert (a.address, a.namespace, a.complete) == ("Pod/?/a", None, False)
    assert (b.address, b.namespace, b.complete) == ("Pod/data/b", "data", True)
    options = Options(environment="prod", namespace="web")
    a, b = read(tmp_path, monkeypatch, contents, options).resources
    assert [found.address for found in (a, b)] == ["Pod/web/a", "Pod/data/b"]
    assert (a.environment, a.values["metadata"]["namespace"], a.complete) == ("prod", "web", True)


def test_sensitive_values_are_marked(tmp_path, monkeypatch):
    note = "kubectl.kubernetes.io/last-applied-configuration"
    text = (
        "apiVersion: v1\nkind: Secret\n"
        f"metadata: {{name: a, namespace: b, annotations: {{{note}: x}}}}\n"
        "data: {c: eA==}\nstringData: {d: e}\n---\n"
        f"{DEPLOYMENT}spec: {{template: {{spec: {{initContainers: [{{name: x, env: ["
        "{name: DB_PASSWORD, value: s}, {name: TOKEN_URL, value: u}, {name: API_KEY, value: ''},"
        " {name: ApiToken, value: t}, {name: secret-key, value: k}]}]}}}\n"
    )
    secret, deployment = read(tmp_path, monkeypatch, {"a.yaml": text}).resources
    assert secret.sensitive == {
        ("data", "c"),
        ("stringData", "d"),
        ("metadata", "annotations", note),
    }
    env = ("spec", "template", "spec", "initContainers", 0, "env")
    assert deployment.sensitive == {(*env, number, "value") for number in (0, 4)}


def test_kinds_are_named_as_controls_name_them():
    assert [kinds.name(*words) for words in [("v1", "Pod"), ("apps/v1", "Deployment")]] == [
        "Pod",
        "apps/v1/Deployment",
    ]


@pytest.mark.corpora
def test_every_document_of_the_corpus_is_accounted_for(monkeypatch):
    folder = CORPORA / "manifests"
    if not folder.is_dir():
        pytest.skip(f"no corpora at {CORPORA}")
    monkeypatch.chdir(folder)
    tree = files.discover(["."])
    mentioned = {place.file for place in everything(loader.load(tree)) if place is not None}
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "helm_python", None)  # nor the wheel
    loaded = loader.load(tree)
    spots = [place for place in everything(loaded) if place is not None]
    for file in tree.with_suffix(".yaml", ".yml"):
        text = file.path.read_text("utf-8")
        pieces = re.split(r"(?m)^---(?=\s|\Z).*$", text)
        wanted = sum(bool(re.sub(r"(?m)^\s*(#.*)?$", "", piece).strip()) for piece in pieces)
        held = [place for place in spots if place.file == file.name]
        lists = len(re.findall(r"(?m)^kind: *\w*List$", text))
        assert len(held) == wanted or (lists and len(held) >= wanted), file.name
        assert not wanted or file.name in mentioned


def everything(loaded):
    yield from (found.place for found in loaded.resources)
    yield from (error.place for error in loaded.errors)
    yield from (gap.place for gap in loaded.gaps)

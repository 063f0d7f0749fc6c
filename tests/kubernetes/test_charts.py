"""Charts are rendered by the real Helm, in a cage; what cannot be rendered is never silent."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from assay.engine import files
from assay.engine.kubernetes import cage, loader
from assay.engine.kubernetes.loader import Options
from assay.engine.kubernetes.renderings import Rendering
from assay.engine.kubernetes.templates import Template
from assay.engine.model import Unknown

TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tools"
META = "apiVersion: v2\nname: {}\nversion: 1.0.0\n"
DEPLOYMENT = """\
{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  {{- with .Values.namespace }}
  namespace: {{ . }}
  {{- end }}
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers:
        - name: first
          image: x
        - image: {{ .Values.image | quote }}
          name: second
          {{- if .Values.tight }}
          securityContext:
            privileged: false
          {{- end }}
{{- end }}
"""
VALUES = "enabled: true\nreplicas: 1\nimage: a:1\n"


@pytest.fixture(params=["program", "wheel"])
def helm(request, monkeypatch):
    """Helm in both ways that it is had."""
    if request.param == "wheel":
        pytest.importorskip("helm_python")
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        return request.param
    program = shutil.which("helm") or shutil.which("helm", path=str(TOOLS))
    if program is None:
        pytest.skip("helm is neither on PATH nor among the tools")
    monkeypatch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
    return program


def load(tmp_path, monkeypatch, contents, options=None):
    monkeypatch.chdir(tmp_path)
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return loader.load(files.discover(["."]), options)


def chart(folder="api", **templates):
    return {
        f"{folder}/Chart.yaml": META.format(Path(folder).name),
        f"{folder}/values.yaml": VALUES,
        **{f"{folder}/templates/{name}.yaml": text for name, text in templates.items()},
    }


def outcome(loaded):
    return (
        [(found.address, found.root, found.environment) for found in loaded.resources],
        [(error.code, error.subject, *error.place[:3]) for error in loaded.errors],
        [(gap.kind, gap.subject, gap.blocks) for gap in loaded.gaps],
    )


def test_each_environment_is_a_rendering_of_its_own(helm, tmp_path, monkeypatch):
    (tmp_path / "prod.yaml").write_text("replicas: 3\n")
    contents = chart(deployment=DEPLOYMENT) | chart("other", deployment=DEPLOYMENT)
    renderings = (
        Rendering("test", "api", "web", sets=("tight=true",)),
        Rendering("prod", "api", "data", "shop", values=("prod.yaml",)),
    )
    loaded = load(tmp_path, monkeypatch, contents, Options(renderings=renderings))
    assert outcome(loaded)[0] == [
        ("apps/Deployment/web/api", "api", "test"),
        ("apps/Deployment/data/shop", "api", "prod"),
        ("apps/Deployment/?/other", "other", "default"),
    ]
    assert [found.values["spec"]["replicas"] for found in loaded.resources] == [1, 3, 1]
    assert [(gap.kind, gap.subject, gap.blocks) for gap in loaded.gaps] == [
        ("document", "prod.yaml", False),
    ]


def test_places_are_those_of_the_template(helm, tmp_path, monkeypatch):
    loaded = load(tmp_path, monkeypatch, chart(deployment=DEPLOYMENT))
    (found,) = loaded.resources
    pod = ("spec", "template", "spec", "containers")
    assert {
        path: found.locate(path)[:3]
        for path in [(), ("spec", "replicas"), (*pod, 1, "image"), (*pod, 1, "name"), (*pod, 9)]
    } == {
        (): ("api/templates/deployment.yaml", 2, 1),
        ("spec", "replicas"): ("api/templates/deployment.yaml", 10, 3),
        (*pod, 1, "image"): ("api/templates/deployment.yaml", 16, 11),
        (*pod, 1, "name"): ("api/templates/deployment.yaml", 17, 11),
        (*pod, 9): ("api/templates/deployment.yaml", 13, 7),
    }


def test_a_namespace_that_nobody_gave_is_unknown_wherever_it_shows(helm, tmp_path, monkeypatch):
    text = (
        "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: a, namespace: {{ .Release.Namespace }}}\n"
        "data: {host: 'db.{{ .Release.Namespace }}.svc', other: x}\n"
    )
    (found,) = load(tmp_path, monkeypatch, chart(a=text)).resources
    host = found.values["data"]["host"]
    assert (found.address, found.complete) == ("ConfigMap/?/a", False)
    assert isinstance(found.values["metadata"]["namespace"], Unknown)
    assert (host.prefix, host.suffix, host.not_null) == ("db.", ".svc", True)


def test_what_changes_with_each_rendering_is_unknown(helm, tmp_path, monkeypatch):
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n"
        "stringData: {p: {{ randAlphaNum 20 }}, q: fixed}\n"
    )
    (found,) = load(tmp_path, monkeypatch, chart(a=text)).resources
    held = found.values["stringData"]
    assert (held["p"].cause, held["q"], found.complete) == ("render", "fixed", False)


def test_libraries_subcharts_hooks_and_crds(helm, tmp_path, monkeypatch):
    call = '{{ include "library.account" . }}\n'
    contents = {
        **chart("charts/api", a=call),
        "charts/api/Chart.yaml": META.format("api")
        + "dependencies:\n- {name: library, version: 1.0.0, repository: 'file://../library'}\n",
        "charts/api/charts/sub/Chart.yaml": META.format("sub"),
        "charts/api/charts/sub/templates/b.yaml": "apiVersion: v1\nkind: Service\n"
        "metadata: {name: s, namespace: ns}\n",
        "charts/api/crds/w.yaml": "apiVersion: apiextensions.k8s.io/v1\n"
        "kind: CustomResourceDefinition\nmetadata: {name: w.x.io}\n"
        "spec: {group: x.io, scope: Cluster, names: {kind: W}}\n",
        "charts/api/templates/tests/t.yaml": "apiVersion: v1\nkind: Pod\n"
        'metadata: {name: t, namespace: ns, annotations: {"helm.sh/hook": test}}\n',
        "charts/library/Chart.yaml": META.format("library") + "type: library\n",
        "charts/library/templates/_a.tpl": '{{ define "library.account" }}apiVersion: v1\n'
        "kind: ServiceAccount\nmetadata: {name: l, namespace: ns}{{ end }}\n",
        "w.yaml": "apiVersion: x.io/v1\nkind: W\nmetadata: {name: one}\n",
    }
    loaded = load(tmp_path, monkeypatch, contents)
    # Helm the program orders objects as it would install them, the wheel by their files.
    resources = sorted(loaded.resources, key=lambda found: found.place.file)
    assert [(found.source, found.address, found.place.file, found.hook) for found in resources] == [
        ("chart", "Service/ns/s", "charts/api/charts/sub/templates/b.yaml", ""),
        (
            "chart",
            "apiextensions.k8s.io/CustomResourceDefinition/-/w.x.io",
            "charts/api/crds/w.yaml",
            "",
        ),
        ("chart", "ServiceAccount/ns/l", "charts/api/templates/a.yaml", ""),
        ("chart", "Pod/ns/t", "charts/api/templates/tests/t.yaml", "test"),
        ("manifest", "x.io/W/-/one", "w.yaml", ""),
    ]
    assert outcome(loaded)[1:] == ([], [("chart", "charts/library", False)])


@pytest.mark.parametrize(
    ("contents", "code", "line"),
    [
        (chart(a="apiVersion: v1\n{{ fail `no` }}\n"), "chart-render", 2),
        (chart(a="{{ .Values.x.y }}\n"), "chart-render", 1),
        (chart(a="{{ if }}\n"), "chart-render", 1),
        (chart(a="a: [\n"), "chart-render", 1),
        (chart() | {"api/Chart.yaml": "a: [\n"}, "chart-render", 1),
        (
            chart()
            | {
                "api/Chart.yaml": META.format("api")
                + "dependencies: [{name: b, version: 1.0.0, repository: 'https://example.org'}]\n"
            },
            "chart-render",
            1,
        ),
        (
            chart()
            | {
                "api/Chart.yaml": META.format("api")
                + "dependencies: [{name: b, version: 1.0.0, repository: 'file://../../b'}]\n"
            },
            "chart-render",
            1,
        ),
        (chart(a="apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n"), "manifest-type", 1),
    ],
)
def test_what_cannot_be_rendered_is_an_error(helm, tmp_path, monkeypatch, contents, code, line):
    resources, errors, gaps = outcome(load(tmp_path, monkeypatch, contents))
    if helm == "wheel" and contents.get("api/templates/a.yaml") == "a: [\n":
        code = "yaml-syntax"  # the program reads what it rendered, the wheel leaves that to us
    assert (resources, [error[:2] + error[3:4] for error in errors], gaps) == (
        [],
        [(code, "api", line)],
        [],
    )


def test_a_chart_cannot_read_outside_itself(helm, tmp_path, monkeypatch):
    secret = tmp_path / "secret.txt"
    secret.write_text("outside")
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata:\n"
        '  link: {{ .Files.Get "link.txt" | quote }}\n'
        '  up: {{ .Files.Get "../secret.txt" | quote }}\n'
        '  env: {{ getHostByName "localhost" | quote }}\n'
        '  live: {{ lookup "v1" "Secret" "" "" | toJson | quote }}\n'
    )
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "api").mkdir()
    (folder / "api/link.txt").symlink_to(secret)
    (found,) = load(folder, monkeypatch, chart(a=text)).resources
    assert found.values["data"] == {"link": "", "up": "", "env": "", "live": "{}"}


def test_without_helm_a_chart_is_a_gap_that_blocks(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "helm_python", None)
    loaded = load(tmp_path, monkeypatch, chart(deployment=DEPLOYMENT))
    assert outcome(loaded) == ([], [], [("chart", "api", True)])


def test_the_wheel_is_given_what_the_program_is(tmp_path, monkeypatch):
    pytest.importorskip("helm_python")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "more.yaml").write_text("a: {b: 1, c: 1}\nreplicas: 2\n")
    text = (
        "kind: A\napiVersion: v1\nmetadata: {name: x}\nversion: {{ .Capabilities.KubeVersion }}\n"
    )
    text += 'has: {{ .Capabilities.APIVersions.Has "x.io/v1" }}\nvalues: {{ toJson .Values }}\n'
    given = Rendering("e", "api", "n", "r", ("more.yaml",), ("a.c=2,d=x",), "1.20", ("x.io/v1",))
    contents = chart(a=text)
    (found,) = load(tmp_path, monkeypatch, contents, Options(renderings=(given,))).resources
    assert (found.values["version"], found.values["has"]) == ("v1.20", True)
    held = {"a": {"b": 1, "c": 2}, "d": "x", "enabled": True, "image": "a:1", "replicas": 2}
    assert found.values["values"] == held
    given = given._replace(sets=("a[0].b=1",))
    loaded = load(tmp_path, monkeypatch, contents, Options(renderings=(given,)))
    assert "needs the program" in loaded.errors[0].message


@pytest.mark.parametrize(
    ("code", "seconds", "fault"),
    [
        ("while True: pass", 1, "it took more than 1 seconds"),
        ("import time; time.sleep(60)", 1, "it took more than 1 seconds"),
        # Time enough for a busy machine: the size must be what ends it.
        ("import sys\nwhile True: sys.stdout.write('x' * 2**20)", 60, "it wrote more than 64 MiB"),
        ("x = 'x' * (7 * 2**30)", 60, ""),
        ("import socket; socket.create_connection(('127.0.0.1', 9), 1)", 60, ""),
    ],
)
def test_the_cage_holds(tmp_path, code, seconds, fault):
    result = cage.run([sys.executable, "-c", code], tmp_path, seconds=seconds)
    assert result.code != 0
    assert result.fault == fault


def test_the_cage_has_no_surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    code = "import os; print(sorted(os.environ.keys() - {'LC_CTYPE'}))"
    result = cage.run([sys.executable, "-c", code], tmp_path)
    assert b"SECRET" not in result.out
    assert b"KUBECONFIG" in result.out


@pytest.mark.parametrize(
    ("text", "kind", "number", "path", "line"),
    [
        ("{{ range x }}\nkind: A\n---\n{{ end }}\n", "A", 3, (), 2),
        ("kind: A\nb: 1\n---\nkind: A\nb: 2\n", "A", 1, ("b",), 5),
        ("kind: {{ .k }}\nb:\n  c: 1\n", "A", 0, ("b", "c"), 3),
        (
            "kind: A\nb:\n{{- if x }}\n  - c: 1\n{{- end }}\n  - d: 1\n    e: 2\n",
            "A",
            0,
            ("b", 1, "e"),
            7,
        ),
        ("kind: A\nb:\n  c: 1\nd:\n  e: 1\n", "A", 0, ("b", "e"), 2),
        ('# c\n{{ include "x" . }}\n', "A", 0, ("b",), 2),
        ("", "A", 0, ("b",), 1),
    ],
)
def test_the_nearest_line_of_a_template(tmp_path, text, kind, number, path, line):
    file = tmp_path / "a.yaml"
    file.write_text(text)
    template = Template(files.File("a.yaml", file, len(text)))
    assert template.find(kind, number, path).line == line

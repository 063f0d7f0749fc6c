"""Kustomizations are built by the real program, in a cage; what it may not read is an error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assay.engine import files
from assay.engine.kubernetes import loader
from assay.engine.kubernetes.loader import Options
from assay.engine.kubernetes.renderings import Rendering

BASE = {
    "base/kustomization.yaml": "resources: [d.yaml]\n",
    "base/d.yaml": "# the base\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"
    "spec:\n  replicas: 1\n  template: {spec: {containers: [{name: a, image: b}]}}\n",
}
PARTS = ("data.txt", "patch.yaml")  # of an overlay, what no built object points at


def overlay(name, replicas):
    return {
        f"{name}/kustomization.yaml": f"resources: [../base]\nnamespace: {name}\n"
        "namePrefix: x-\npatches: [{path: patch.yaml}]\n"
        "configMapGenerator: [{name: c, files: [key=data.txt]}]\n",
        f"{name}/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"
        f"spec: {{replicas: {replicas}}}\n",
        f"{name}/data.txt": "some text",
    }


def load(tmp_path, monkeypatch, contents, options=None):
    monkeypatch.chdir(tmp_path)
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return loader.load(files.discover(["."]), options)


@pytest.fixture
def kustomize():
    if not (shutil.which("kustomize") or shutil.which("kubectl")):
        pytest.skip("neither kustomize nor kubectl is on PATH")


def test_one_base_through_three_overlays_is_three_renderings(kustomize, tmp_path, monkeypatch):
    contents = BASE | overlay("dev", 1) | overlay("prod", 3) | overlay("test", 2)
    options = Options(renderings=(Rendering("production", "prod"),))
    loaded = load(tmp_path, monkeypatch, contents, options)
    deployments = [found for found in loaded.resources if found.kind == "apps/v1/Deployment"]
    assert [
        (
            found.source,
            found.address,
            found.root,
            found.environment,
            found.values["spec"]["replicas"],
        )
        for found in deployments
    ] == [
        ("kustomize", "apps/Deployment/dev/x-api", "dev", "default", 1),
        ("kustomize", "apps/Deployment/prod/x-api", "prod", "production", 3),
        ("kustomize", "apps/Deployment/test/x-api", "test", "default", 2),
    ]
    image = ("spec", "template", "spec", "containers", 0, "image")
    assert {found.place[:3] for found in deployments} == {("base/d.yaml", 2, 1)}
    assert {found.locate(image)[:3] for found in deployments} == {("base/d.yaml", 7, 44)}
    maps = [found for found in loaded.resources if found.kind == "ConfigMap"]
    assert [(found.place[:2], found.values["data"]) for found in maps] == [
        ((f"{name}/kustomization.yaml", 1), {"key": "some text"})
        for name in ("dev", "prod", "test")
    ]
    assert all("annotations" not in found.values["metadata"] for found in loaded.resources)
    assert loaded.errors == []
    assert [(gap.kind, gap.subject, gap.state, gap.blocks) for gap in loaded.gaps] == [
        ("document", name, "not_applicable", False)
        for name in [
            "base/kustomization.yaml",
            *(f"{name}/{file}" for name in ("dev", "prod", "test") for file in PARTS),
        ]
    ]


def test_a_component_is_built_where_it_is_used(kustomize, tmp_path, monkeypatch):
    meta = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    contents = BASE | {
        "top/kustomization.yaml": "resources: [../base]\ncomponents: [../used]\n",
        "used/kustomization.yaml": meta + "namespace: there\n",
        "unused/kustomization.yaml": meta,
    }
    loaded = load(tmp_path, monkeypatch, contents)
    assert [found.address for found in loaded.resources] == ["apps/Deployment/there/api"]
    assert [(gap.kind, gap.subject, gap.blocks) for gap in loaded.gaps] == [
        ("kustomization", "unused", False),
        ("document", "base/kustomization.yaml", False),
        ("document", "top/kustomization.yaml", False),
        ("document", "used/kustomization.yaml", False),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resources: ['https://example.org/a.yaml']\n", "is remote, and nothing is fetched"),
        ("resources: ['github.com/a/b?ref=c']\n", "is remote, and nothing is fetched"),
        ("resources: [../../outside.yaml]\n", "is not among what is scanned"),
        ("resources: [missing.yaml]\n", "is not among what is scanned"),
        ("resources: [../k]\n", "cycle"),
        ("configMapGenerator: [{name: a, files: [/etc/passwd]}]\n", "/etc/passwd"),
        ("helmCharts: [{name: a, repo: 'https://example.org'}]\n", "--enable-helm"),
        ("resources: [\n", "cannot be read"),
        ("generators: [gen.yaml]\n", "external plugins disabled"),
        ("unknownField: 1\n", "unknownField"),
    ],
)
def test_what_cannot_be_built_is_an_error(kustomize, tmp_path, monkeypatch, text, message):
    (tmp_path / "outside.yaml").write_text(BASE["base/d.yaml"])
    contents = {
        "k/kustomization.yaml": text,
        "k/gen.yaml": "apiVersion: someteam.example.com/v1\nkind: ChartInflator\n"
        "metadata: {name: a}\n",
    }
    folder = tmp_path / "tree"
    folder.mkdir()
    loaded = load(folder, monkeypatch, contents)
    errors = [error for error in loaded.errors if error.code == "kustomize-build"]
    assert [(error.subject, error.place.file) for error in errors] == [
        ("k", "k/kustomization.yaml")
    ]
    assert message in errors[0].message
    assert str(tmp_path) not in errors[0].message
    assert "/tmp" not in errors[0].message


def test_a_build_that_fails_leaves_its_files_to_be_read(kustomize, tmp_path, monkeypatch):
    contents = BASE | {"base/kustomization.yaml": "resources: [d.yaml, gone.yaml]\n"}
    loaded = load(tmp_path, monkeypatch, contents)
    assert [found.address for found in loaded.resources] == ["apps/Deployment/?/api"]
    assert [error.code for error in loaded.errors] == ["kustomize-build"]


def test_a_link_does_not_lead_a_build_outside(kustomize, tmp_path, monkeypatch):
    (tmp_path / "secret.txt").write_text("outside")
    folder = tmp_path / "tree"
    (folder / "k").mkdir(parents=True)
    (folder / "k/link.txt").symlink_to(tmp_path / "secret.txt")
    text = "configMapGenerator: [{name: a, files: [link.txt]}]\n"
    loaded = load(folder, monkeypatch, {"k/kustomization.yaml": text})
    assert (loaded.resources, [error.code for error in loaded.errors]) == ([], ["kustomize-build"])


def test_without_kustomize_it_is_a_gap_that_blocks(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(tmp_path) / "none"))
    loaded = load(tmp_path, monkeypatch, BASE)
    assert [found.address for found in loaded.resources] == ["apps/Deployment/?/api"]
    assert [(gap.kind, gap.subject, gap.blocks) for gap in loaded.gaps] == [
        ("kustomization", "base", True)
    ]


def test_many_builds_are_each_judged_once(kustomize, tmp_path, monkeypatch):
    """More than are under way at once: none of their files is read as a manifest beside."""
    contents = {}
    for number in range(7):
        contents[f"k{number}/kustomization.yaml"] = "resources: [d.yaml]\n"
        contents[f"k{number}/d.yaml"] = BASE["base/d.yaml"]
    loaded = load(tmp_path, monkeypatch, contents)
    assert [(found.source, found.root) for found in loaded.resources] == [
        ("kustomize", f"k{number}") for number in range(7)
    ]

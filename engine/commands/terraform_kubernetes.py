"""Terraform resources that are Kubernetes too: `kubernetes_*`, manifests, and Helm releases."""

from __future__ import annotations

import contextlib
import posixpath
import tempfile
from pathlib import Path
from typing import Any

from assay.engine.files import Tree
from assay.engine.model import Gap, Loaded, Resource, Unknown

HELM = "helm_release"
MAX_RELEASES = 200  # of one scan; a rendering takes a tenth of a second


def with_objects(loaded: Loaded, tree: Tree) -> list[Loaded]:
    """What Terraform's loader saw, and the Kubernetes objects that it declares."""
    found = [loaded]
    if any(each.kind.startswith("kubernetes_") for each in loaded.resources):
        from assay.engine.kubernetes import provider

        found.append(provider.objects_of(loaded.resources))
    releases = [each for each in loaded.resources if each.kind == HELM]
    found += [_release(release, tree) for release in releases[:MAX_RELEASES]]
    found += [
        _gap(release, f"more than {MAX_RELEASES} releases: the rest is not rendered")
        for release in releases[MAX_RELEASES:]
    ]
    return found


def _release(release: Resource, tree: Tree) -> Loaded:
    """The objects of a release's chart, if it lies in the tree and its inputs are known."""
    chart, root = release.values.get("chart"), "" if release.root == "." else release.root
    if release.values.get("repository") is not None or not isinstance(chart, str):
        return _gap(release, "its chart is remote and was not rendered: scan the chart itself")
    if chart.startswith(("oci://", "http://", "https://")):
        return _gap(release, "its chart is remote and was not rendered: scan the chart itself")
    folder = posixpath.normpath(posixpath.join(root, chart))
    if not any(file.name == posixpath.join(folder, "Chart.yaml") for file in tree.files):
        return _gap(release, f"its chart `{chart}` is not among what is scanned")
    doubt = next((field for field in _INPUTS if _unknown(release.values.get(field))), "")
    if doubt:
        return _gap(release, f"its chart was not rendered: `{doubt}` is not known before apply")
    return _rendered(release, tree, folder)


_INPUTS = ("name", "namespace", "values", "set", "set_list", "set_sensitive")


def _rendered(release: Resource, tree: Tree, folder: str) -> Loaded:
    from assay.engine.kubernetes import renderings
    from assay.engine.kubernetes.renderings import Rendering

    values = release.values
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-release-"))
        files: list[str] = []
        for number, text in enumerate(values.get("values") or ()):
            file = Path(home, f"{number}.yaml")
            file.write_text(str(text), "utf-8")
            files.append(str(file))
        rendering = Rendering(
            environment=release.environment,
            folder=folder,
            namespace=str(values.get("namespace") or "default"),
            release=str(values.get("name") or ""),
            values=tuple(files),
            sets=tuple(_sets(values)),
        )
        return renderings.load_release(tree, rendering, release)


def _sets(values: dict[str, Any]) -> list[str]:
    """The `set` blocks in Helm's words, of type auto or string alike."""
    found = [
        f"{each['name']}={each.get('value', '')}"
        for field in ("set", "set_sensitive")
        for each in _blocks(values, field)
    ]
    for each in _blocks(values, "set_list"):
        inner = ",".join(map(str, each.get("value") or ()))
        found.append(f"{each['name']}={{{inner}}}")
    return found


def _blocks(values: dict[str, Any], field: str) -> list[dict[str, Any]]:
    held = values.get(field)
    listed = held if isinstance(held, list) else [held]
    return [each for each in listed if isinstance(each, dict) and "name" in each]


def _unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_unknown, value.values()))
    return isinstance(value, Unknown) or (isinstance(value, list) and any(map(_unknown, value)))


def _gap(release: Resource, reason: str) -> Loaded:
    gap = Gap("chart", release.address, "not_parsed", reason, release.place)
    return Loaded([], [], [gap])

"""Render one chart with the Helm that a wheel carries: a program that the cage runs by its path.

It knows nothing of the rest, so that a child needs only this file. `helm_python` is an Apache-2.0
binding of Helm's own library by a single author: this file is all that touches it.

    python -I helm_wheel.py '{"chart": FOLDER, "release": …, "namespace": …, "values": [FILE],
                              "sets": ["a.b=1"], "kube_version": "", "api_versions": []}'

Prints what `helm template --include-crds` does; exits 1 with `Error: …` where that would.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any


class RefusedError(Exception):
    """What this way of rendering cannot do, or Helm refuses."""


def main(request: dict[str, Any]) -> int:
    """Render the chart that the request names, to stdout."""
    helm = importlib.import_module("helm_python")
    try:
        pieces = _render(helm, request)
    except (helm.HelmError, RefusedError, OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    out = sys.stdout.buffer
    for source, text in pieces:
        out.write(f"---\n# Source: {source}\n{text}\n".encode())
    return 0


def _render(helm: Any, request: dict[str, Any]) -> list[tuple[str, str]]:
    options = {"name": request["release"], "namespace": request["namespace"]}
    options |= {key: request[key] for key in ("kube_version", "api_versions") if request[key]}
    with helm.Chart.load(request["chart"]) as chart:
        _complete(chart)
        values = json.dumps(_values(helm, request))
        # The public method has no way to name a version of Kubernetes; the library below it has.
        native = importlib.import_module("helm_python._native")
        helm.validate_release_name(request["release"])
        found = native.call_string("helm_render", chart._raw(), values, json.dumps(options))
        pieces = [(crd["filename"], crd["data"]) for crd in chart.crds]
        for name, text in sorted(json.loads(found).items()):
            if text.strip() and not name.endswith("/NOTES.txt"):
                pieces.append((name, text))
        return pieces


def _complete(chart: Any) -> None:
    """Refuse a chart whose dependencies are not all there, as `helm template` does."""
    declared = {each["name"] for each in chart.metadata.get("dependencies") or ()}
    missing = sorted(declared - {each.get("name") for each in chart.dependencies})
    if missing:
        raise RefusedError(
            "An error occurred while checking for chart dependencies: found in Chart.yaml, "
            f"but missing in charts/ directory: {', '.join(missing)}"
        )


def _values(helm: Any, request: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for file in request["values"]:
        values = _merged(values, helm.values_from_yaml(Path(file).read_text("utf-8")) or {})
    for pair in request["sets"]:
        if "[" in pair.partition("=")[0]:
            raise RefusedError(
                f"`--set {pair}` changes an element of a list, which needs the program `helm`"
            )
        values = _merged(values, helm.parse_set_string(pair))
    return values


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two trees of values, the second one deciding."""
    merged = dict(below)
    for name, value in above.items():
        held = merged.get(name)
        both = isinstance(held, dict) and isinstance(value, dict)
        merged[name] = _merged(held, value) if both else value  # type: ignore[arg-type]
    return merged


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))

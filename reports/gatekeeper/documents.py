"""Objects → YAML files: readable, the same bytes for the same objects."""

from __future__ import annotations

from typing import Any

import yaml

Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
WIDTH = 110


class Dumper(Base):  # type: ignore[misc]
    """Without anchors, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """No anchors: two lists that are equal are two lists."""
        return True


def _text(dumper: Any, value: str) -> Any:
    style = "|" if "\n" in value and not value.endswith(" ") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, _text)


def dump(*objects: Any) -> str:
    """The objects as the documents of one file."""
    text: str = yaml.dump_all(
        objects, Dumper=Dumper, sort_keys=False, width=WIDTH, allow_unicode=True
    )
    return text


def kustomization(resources: list[str]) -> str:
    """A kustomization that applies files in the given order."""
    return dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": resources,
            "sortOptions": {"order": "fifo"},
        }
    )

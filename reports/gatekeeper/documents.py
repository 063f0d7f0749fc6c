"""Objects → YAML files: readable, the same bytes for the same objects."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import yaml
from yaml import events, nodes, representer, resolver

from assay.engine.kubernetes import scalars

WIDTH = 110
TEXT = "tag:yaml.org,2002:str"
MAPPING = events.MappingStartEvent(None, None, True, flow_style=False)
MAPPING_END = events.MappingEndEvent()
SEQUENCE = events.SequenceStartEvent(None, None, True, flow_style=False)
SEQUENCE_END = events.SequenceEndEvent()
BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def dump(*objects: Any) -> str:
    """The objects as the documents of one file: no anchors, texts of several lines as blocks.

    Written as events: the graph of nodes that PyYAML makes first takes as long as the rest.
    """
    text = io.StringIO()
    emit = BASE(text, width=WIDTH, allow_unicode=True).emit
    emit(events.StreamStartEvent())
    for each in objects:
        emit(events.DocumentStartEvent(explicit=each is not objects[0]))
        _value(emit, each)
        emit(events.DocumentEndEvent())
    emit(events.StreamEndEvent())
    return text.getvalue()


def _value(emit: Callable[[Any], None], value: Any) -> None:
    if isinstance(value, str):
        emit(_text(value))
    elif isinstance(value, dict):
        emit(MAPPING)
        for key, each in value.items():
            _value(emit, key)
            _value(emit, each)
        emit(MAPPING_END)
    elif isinstance(value, (list, tuple)):
        emit(SEQUENCE)
        for each in value:
            _value(emit, each)
        emit(SEQUENCE_END)
    else:
        node = representer.SafeRepresenter().represent_data(value)
        emit(events.ScalarEvent(None, None, (True, False), node.value))


@lru_cache(maxsize=4096)
def _text(text: str) -> Any:
    """The event of a text; most are keys that stand everywhere."""
    style = "|" if "\n" in text and not text.endswith(" ") else None
    return events.ScalarEvent(None, None, (_plain(text), True), text, style=style)


def _plain(text: str) -> bool:
    """Whether a text without quotes is read as a text, by YAML 1.1 and by Kubernetes (`n`)."""
    resolve: Any = resolver.Resolver().resolve
    plain: bool = resolve(nodes.ScalarNode, text, (True, False)) == TEXT
    return plain and scalars.plain(text) == text


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

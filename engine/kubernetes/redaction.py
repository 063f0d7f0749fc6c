"""Which values of a Kubernetes object must never be shown: their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from assay.engine.kubernetes import kinds
from assay.engine.model import Path, value_at

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Names of environment variables whose literal value is a secret; a file or a URL without
# credentials is not one.
_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:password|passwd|passphrase|pwd|secret|token|credentials?"
    r"|(?:api|access|secret|private|encryption|signing)[_.-]?key|client[_.-]?secret)"
    r"(?:$|[_.-](?:value|text|v?[0-9]+)$)"
)


def paths(kind: str, values: dict[str, Any]) -> frozenset[Path]:
    """The paths of the sensitive values; `kind` is the bare one, such as `Secret`."""
    found: list[Path] = []
    if kind == "Secret":
        for field in ("data", "stringData"):
            held = values.get(field)
            if isinstance(held, dict):
                found += [(field, key) for key in held]
    annotations = value_at(values, ("metadata", "annotations"))
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        found.append(("metadata", "annotations", LAST_APPLIED))
    for path, variable in _variables(kind, values):
        text = variable.get("value")
        if isinstance(text, str) and text and is_secret(str(variable.get("name", ""))):
            found.append((*path, "value"))
    for path, words in _commands(kind, values):
        found += [(*path, at) for at in _secret_words(words)]
    return frozenset(found)


# `--name=text`; a reference (`$(NAME)`) is no secret.
_REFERENCES = ("$", "(secret: ")
_FLAG = re.compile(r"-{0,2}(?P<name>[A-Za-z_][\w.\-]*)(?:=(?P<text>.+))?", re.DOTALL)


def _secret_words(words: list[Any]) -> Iterator[int]:
    """The positions of the words that hold a secret, by the name of the option before it."""
    expected = False
    for at, word in enumerate(words):
        if not isinstance(word, str):
            expected = False
            continue
        found = _FLAG.fullmatch(word)
        named = found is not None and is_secret(found["name"])
        text = found["text"] if found else None
        said = text is not None and named and not text.startswith(_REFERENCES)
        if said or (expected and not word.startswith(("-", *_REFERENCES))):
            yield at
        expected = named and text is None and word.startswith("-")


def is_secret(name: str) -> bool:
    """Whether the name of a variable says that its literal value is a secret."""
    return bool(_NAME.search(name))


def variables(kind: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The environment variables with literal values, of all containers of a workload."""
    return [variable for _, variable in _variables(kind, values) if "value" in variable]


def commands(kind: str, values: dict[str, Any]) -> Iterator[list[Any]]:
    """The lists of words that the containers of a workload are started and probed with."""
    for _, words in _commands(kind, values):
        yield words


_RUN: tuple[Path, ...] = (
    ("command",),
    ("args",),
    ("livenessProbe", "exec", "command"),
    ("readinessProbe", "exec", "command"),
    ("startupProbe", "exec", "command"),
    ("lifecycle", "postStart", "exec", "command"),
    ("lifecycle", "preStop", "exec", "command"),
)


def _commands(kind: str, values: dict[str, Any]) -> Iterator[tuple[Path, list[Any]]]:
    for path, container in _containers(kind, values):
        for inner in _RUN:
            if inner[0] in container:
                words = value_at(container, inner)
                if isinstance(words, list):
                    yield (*path, *inner), words


def _containers(kind: str, values: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    template = kinds.POD_TEMPLATES.get(kind)
    if template is None:
        return
    pod = (*template, "spec")
    spec = value_at(values, pod)
    for field in ("containers", "initContainers", "ephemeralContainers"):
        containers = spec.get(field) if isinstance(spec, dict) else None
        for number, container in enumerate(containers if isinstance(containers, list) else ()):
            if isinstance(container, dict):
                yield (*pod, field, number), container


def _variables(kind: str, values: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path, container in _containers(kind, values):
        held = container.get("env")
        for at, variable in enumerate(held if isinstance(held, list) else ()):
            if isinstance(variable, dict):
                yield (*path, "env", at), variable

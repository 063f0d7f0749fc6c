"""A pipeline file → plain values with the place of each, `!reference` tags kept apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from assay.engine.model import Path, Place

MAX_DEPTH = 60
MAX_NODES = 100_000


class Reference(NamedTuple):
    """`!reference [job, key, …]`: a value to be copied from elsewhere in the pipeline."""

    path: tuple[str, ...]


class Document(NamedTuple):
    """One YAML document: its value, and the places of values by path."""

    value: Any
    places: dict[Path, Place]


class DocumentError(Exception):
    """The text is no usable YAML; line and column count from 1."""

    def __init__(self, code: str, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.column = code, message, line, column


def parse(name: str, text: str) -> list[Document]:
    """The documents of a text. Raises DocumentError.

    GitLab reads YAML by Psych (YAML 1.1), as PyYAML does; a key that stands twice keeps its last
    value there, so it does here.
    """
    loader = yaml.CSafeLoader(text)
    found = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            builder = _Builder(loader, name)
            value = builder.build(node, (), 0)
            found.append(Document(value, builder.places))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentError("yaml-syntax", error.problem or "no YAML", line, column) from None
    except yaml.YAMLError as error:
        raise DocumentError("yaml-syntax", str(error).split("\n", 1)[0], 1, 1) from None
    finally:
        loader.dispose()
    return found


class _Builder:
    def __init__(self, loader: Any, name: str) -> None:
        self.loader = loader
        self.name = name
        self.places: dict[Path, Place] = {}
        self.count = 0

    def build(self, node: yaml.Node, path: Path, depth: int) -> Any:
        self.count += 1
        mark = node.start_mark
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            message = "nested too deeply, or more values than a pipeline can have"
            raise DocumentError("yaml-too-large", message, mark.line + 1, mark.column + 1)
        self.places.setdefault(path, Place(self.name, mark.line + 1, mark.column + 1))
        if node.tag == "!reference" and isinstance(node, yaml.SequenceNode):
            return Reference(tuple(str(item.value) for item in node.value))
        if isinstance(node, yaml.SequenceNode):
            return [
                self.build(item, (*path, number), depth + 1)
                for number, item in enumerate(node.value)
            ]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        try:
            value = self.loader.construct_object(node)
        except (ValueError, yaml.YAMLError):
            return node.value
        return value if isinstance(value, (str, int, float, bool, type(None))) else node.value

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for part in reversed(parts):
                    base = self.build(part, path, depth + 1)
                    merged.update(base if isinstance(base, dict) else {})
                continue
            name = str(key.value)
            mark = key.start_mark
            self.places[*path, name] = Place(self.name, mark.line + 1, mark.column + 1)
            own[name] = self.build(value, (*path, name), depth + 1)
        return {**merged, **own}

"""YAML text → values, as Kubernetes reads it; positions on request. Bounded against hostile input.

Most manifests are read by `blockyaml`. For all others libyaml's events are turned into dicts and
lists by one loop with a stack of its own: composing nodes first costs twice the time, and libyaml's
composer overflows the C stack on deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import yaml

from assay.engine.kubernetes import blockyaml, scalars

MAX_DEPTH = 200  # levels of nesting; the deepest published CRDs have 60
_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_ONLY_DIRECTIVES = re.compile(r"(?:[ \t]*(?:#[^\n]*|%[^\n]*)?\r?\n)*\Z")
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a PyYAML without libyaml is slow
_NONE: Any = object()
_MERGE: Any = object()
Marks = dict[int, dict[str | int, int]]  # id of a dict or list → key or index → offset in the text


class YamlError(Exception):
    """Text that cannot be read: a stable code, a message, and the character offset of the fault."""

    def __init__(self, code: str, message: str, offset: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset


class Document(NamedTuple):
    """One YAML document: its value, the offset of its first key, whether any value is null."""

    value: Any
    offset: int
    nulls: bool


def split(text: str) -> list[tuple[int, int]]:
    """The (start, end) offsets of the pieces between `---` lines: one document each, mostly.

    A line that begins with `---` ends a document everywhere, quoted and block text included, so a
    broken document cannot take its neighbours with it. Directives stay with what they are for.
    """
    starts = [0]
    for found in _MARKER.finditer(text):
        start = found.start()
        before = text[starts[-1] : start]
        if start and not ("%" in before and _ONLY_DIRECTIVES.match(before)):
            starts.append(start)
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def documents(text: str, marks: Marks | None = None) -> Iterator[Document]:
    """The documents of a text, in order. Raises YamlError at the first fault.

    With `marks`, the offset of every key and list item is recorded there; the ids in it are those
    of the containers in the values, which the caller must keep alive.
    """
    simple = blockyaml.read(text, marks)
    if simple is not None:
        yield Document(*simple)
    else:
        yield from by_events(text, marks)


def by_events(text: str, marks: Marks | None = None) -> Iterator[Document]:
    """As `documents`, by libyaml alone: what every text is held to."""
    try:
        get = _PARSER(text).get_event
        while True:
            event = get()
            if event is None or type(event) is yaml.StreamEndEvent:
                return
            if type(event) is yaml.DocumentStartEvent:
                yield _document(get, marks)
    except yaml.reader.ReaderError as error:
        raise YamlError(
            "yaml-encoding",
            f"a character that YAML does not allow ({error.reason})",
            error.position,
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = ", ".join(filter(None, (error.context, error.problem)))
        raise YamlError("yaml-syntax", words, mark.index if mark else 0) from error


class _Frame(NamedTuple):
    """What is resumed when a container ends: its parent, and what the parent waits for."""

    container: Any
    key: Any
    merged: set[str] | None
    anchor: str | None
    before: int  # nodes counted before the container that ends


def _document(get: Callable[[], Any], marks: Marks | None) -> Document:  # noqa: C901 - one loop
    """Events up to the end of the document → its value. Where the time of a scan of YAML goes."""
    scalar_event, alias_event = yaml.ScalarEvent, yaml.AliasEvent
    plain = scalars.plain
    anchors: dict[str, tuple[Any, int]] = {}
    stack: list[_Frame] = []
    keep: list[Any] = []  # merged containers, so that no id in `marks` is used twice
    container: Any = None
    key: Any = _NONE
    merged: set[str] | None = None  # keys of the container that came by `<<`; None for no `<<`
    offset = -1
    nodes = aliased = 0
    nulls = False
    root: Any = None
    while True:
        event = get()
        kind = type(event)
        if kind is scalar_event:
            nodes += 1
            value: Any = event.value
            if event.implicit[0] and event.tag is None:  # `! 12` is text
                if container.__class__ is dict and key is _NONE and value == "<<":
                    key = _MERGE
                    continue
                value = plain(value)
                if value is None:
                    nulls = True
                elif (
                    value.__class__ is float
                    and value - value != 0
                    and not (container.__class__ is dict and key is _NONE)
                ):
                    raise _refused(event, "JSON, and so Kubernetes, knows no infinity and no NaN")
            elif event.tag is not None:
                if event.tag == scalars.TAG + "merge" and container.__class__ is dict:
                    key = _MERGE
                    continue
                value = _tagged(event)
            if event.anchor is not None:
                anchors[event.anchor] = (value, 1)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if container.__class__ is dict and key is _NONE:
                raise YamlError("yaml-key", "a map or a list is no key", event.start_mark.index)
            if len(stack) >= MAX_DEPTH:
                raise YamlError(
                    "yaml-depth", f"nested over {MAX_DEPTH} levels deep", event.start_mark.index
                )
            if container.__class__ is list and marks is not None:
                marks[id(container)][len(container)] = event.start_mark.index
            stack.append(_Frame(container, key, merged, event.anchor, nodes))
            nodes += 1
            container = {} if kind is yaml.MappingStartEvent else []
            key, merged = _NONE, None
            if event.anchor is not None:
                anchors[event.anchor] = (_NONE, 0)  # until it ends: it must not contain itself
            if offset < 0:
                offset = event.start_mark.index
            if marks is not None:
                marks[id(container)] = {}
            continue
        elif kind is alias_event:
            value, weight = _alias(event, anchors)
            nodes += weight
            aliased += weight
            if aliased > 100 and nodes > 1000 and aliased / nodes > _alias_share(nodes):
                raise YamlError("yaml-aliases", "aliases repeat too much", event.start_mark.index)
        elif kind is yaml.DocumentEndEvent:
            return Document(root, max(offset, 0), nulls)
        else:  # the end of a map or list
            value = container
            frame = stack.pop()
            container, key, merged = frame.container, frame.key, frame.merged
            if frame.anchor is not None:
                anchors[frame.anchor] = (value, nodes - frame.before)
        if container.__class__ is dict:
            if key is _NONE:
                key = _key(event, value)
                if key in container and (merged is None or key not in merged):
                    raise YamlError(
                        "yaml-duplicate-key",
                        f"the key `{key[:80]}` stands twice in this map",
                        event.start_mark.index,
                    )
                if marks is not None:
                    marks[id(container)][key] = event.start_mark.index
            elif key is _MERGE:
                keep.append(value)
                merged = _merge(container, value, merged or set(), event, marks)
                key = _NONE
            else:
                container[key] = value
                if merged:
                    merged.discard(key)
                key = _NONE
        elif container.__class__ is list:
            if marks is not None and kind in (scalar_event, alias_event):
                marks[id(container)][len(container)] = event.start_mark.index
            container.append(value)
        else:
            root = value


def _tagged(event: Any) -> Any:
    try:
        return scalars.tagged(event.tag, event.value)
    except scalars.ScalarError as error:
        raise _refused(event, str(error)) from error


def _key(event: Any, value: Any) -> str:
    try:
        return scalars.key(value)
    except scalars.ScalarError as error:
        raise YamlError("yaml-key", str(error), event.start_mark.index) from error


def _refused(event: Any, message: str) -> YamlError:
    return YamlError("yaml-value", message, event.start_mark.index)


def _alias(event: Any, anchors: dict[str, tuple[Any, int]]) -> tuple[Any, int]:
    value, weight = anchors.get(event.anchor, (None, -1))
    if weight < 0:
        raise YamlError(
            "yaml-alias", f"no anchor `{event.anchor}` stands before", event.start_mark.index
        )
    if value is _NONE:
        raise YamlError(
            "yaml-alias", f"the anchor `{event.anchor}` contains itself", event.start_mark.index
        )
    return value, weight


def _alias_share(nodes: int) -> float:
    """go-yaml's limit: 99% of a small document may come from aliases, 10% of a huge one."""
    return 0.99 - 0.89 * (min(max(nodes, 400_000), 4_000_000) - 400_000) / 3_600_000


def _merge(
    into: dict[str, Any], value: Any, merged: set[str], event: Any, marks: Marks | None
) -> set[str]:
    """Fill in `<<`. What comes later wins, as in go-yaml v2: a `<<` at the end overrides."""
    sources = value if isinstance(value, list) else [value]
    if not all(isinstance(source, dict) for source in sources):
        raise YamlError("yaml-merge", "`<<` takes a map or a list of maps", event.start_mark.index)
    for source in reversed(sources):
        merged.update(name for name in source if name not in into)
        into.update(source)
        if marks is not None:
            marks[id(into)].update(marks.get(id(source), {}))
    return merged

"""An event as searches see it: field → texts. Files of events, and shapes that agents flatten."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from assay.engine.errors import InputError, Problem
from assay.engine.siem.text import fold

MAX_DEPTH = 100
DECODER = json.JSONDecoder()


class Event:
    """One event. Fields are dotted paths; a value is the text that JSON has for it.

    `{"a.b": 1}` and `{"a": {"b": 1}}` are the same; lists are any of their values.
    """

    __slots__ = ("_all", "_all_folded", "_folded", "_groups", "_values", "raw")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self._values: dict[str, list[str]] = {}
        self._groups: set[str] | None = None
        self._folded: dict[str, tuple[str, ...]] = {}
        self._all: tuple[str, ...] | None = None
        self._all_folded: tuple[str, ...] | None = None
        _flatten(raw, "", self._values, 0)

    def values(self, name: str) -> list[str] | tuple[str, ...]:
        """The texts of a field as they are."""
        return self._values.get(name, ())

    def folded(self, name: str) -> tuple[str, ...]:
        """The texts of a field in lower case."""
        found = self._folded.get(name)
        if found is None:
            found = self._folded[name] = tuple(map(fold, self._values.get(name, ())))
        return found

    def all_values(self) -> tuple[str, ...]:
        """The texts of all fields."""
        if self._all is None:
            self._all = tuple(value for values in self._values.values() for value in values)
        return self._all

    def all_folded(self) -> tuple[str, ...]:
        """The texts of all fields in lower case."""
        if self._all_folded is None:
            self._all_folded = tuple(map(fold, self.all_values()))
        return self._all_folded

    def names(self) -> Iterator[str]:
        """The fields that have a value."""
        return iter(self._values)

    def exists(self, name: str) -> bool:
        """Whether the field, or one below it, has a value."""
        if name in self._values:
            return True
        if self._groups is None:
            self._groups = {
                path[:at] for path in self._values for at, char in enumerate(path) if char == "."
            }
        return name in self._groups


def _flatten(value: Any, path: str, into: dict[str, list[str]], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InputError(Problem("siem-event", f"an event is more than {MAX_DEPTH} levels deep"))
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(inner, f"{path}.{key}" if path else str(key), into, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _flatten(inner, path, into, depth + 1)
    elif value is not None:
        into.setdefault(path, []).append(_text(value))


def _text(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        # JSON may spell half a character; UTF-8, and so the server, has none.
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return str(value)


def read_events(data: bytes, name: str) -> list[dict[str, Any]]:
    """The events of a JSON array, of JSON lines, or of documents one after another.

    Raises InputError with the place of what cannot be read.
    """
    text = data.decode("utf-8-sig", "replace")
    found: list[dict[str, Any]] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at >= len(text):
            return found
        try:
            value, end = DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _unreadable(name, text, at, str(error)) from None
        for event in value if isinstance(value, list) else [value]:
            if not isinstance(event, dict):
                raise _unreadable(name, text, at, "an event is a JSON object")
            found.append(windows_shape(event))
        at = end


def _unreadable(name: str, text: str, at: int, why: str) -> InputError:
    line = text.count("\n", 0, at) + 1
    return InputError(Problem("siem-event", f"line {line}: not an event: {why}", file=name))


def windows_shape(event: dict[str, Any]) -> dict[str, Any]:
    """A Windows event as agents ship it: `System` and `EventData` on the top level.

    Attributes become `Provider_Name`; an event of any other shape is left as it is.
    """
    inner = event.get("Event")
    if not (isinstance(inner, dict) and isinstance(inner.get("System"), dict)):
        return event
    flat: dict[str, Any] = {}
    for part in ("System", "EventData", "UserData"):
        section = inner.get(part)
        for key, value in section.items() if isinstance(section, dict) else ():
            if key == "#attributes":
                continue
            if isinstance(value, dict):
                attributes = value.get("#attributes", value)
                if isinstance(attributes, dict):
                    flat.update({f"{key}_{name}": item for name, item in attributes.items()})
                if "#text" in value:
                    flat[key] = value["#text"]
            elif value is not None:
                flat[key] = value
    flat.update({key: value for key, value in event.items() if key != "Event"})
    return flat

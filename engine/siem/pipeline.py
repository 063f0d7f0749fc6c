"""Pipelines: a user's changes of rules before they are converted. Data alone, never a template.

    name: ours
    transformations:
      - type: field_name_mapping
        mapping: {CommandLine: process.command_line}
        rule_conditions: [{type: logsource, product: windows}]

Of pySigma's transformations only those of ALLOWED are read: others run templates, open files or
write into queries. A name that is no plain name is refused, so nothing of it can reach a query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from assay.engine.errors import InputError, Problem
from assay.engine.siem.documents import fault

NAME = re.compile(r"[A-Za-z_@][A-Za-z0-9_@.-]{0,255}")
AFFIX = re.compile(r"[A-Za-z0-9_@.-]{1,128}")
WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
LOGSOURCE = ("category", "product", "service")
MAX_SIZE = 1024 * 1024
KEYS = {"id", "type", "rule_conditions"}

Document = dict[str, Any]
Rename = Callable[[str], str]


class Step(NamedTuple):
    """One transformation: `renames` fields, or changes the log source; for the rules that fit."""

    where: tuple[Mapping[str, str], ...]
    rename: Rename | None
    logsource: Mapping[str, str]


def read(names: Iterable[str]) -> tuple[Step, ...]:
    """The steps of pipeline files, in their order. Raises InputError."""
    return tuple(step for name in names for step in _file(name))


def _file(name: str) -> list[Step]:
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        problem = Problem("path-not-found", f"cannot read {name}: {error.strerror}")
        raise InputError(problem) from error
    try:
        if len(data) > MAX_SIZE:
            raise ValueError(f"it is larger than {MAX_SIZE} bytes")
        given = yaml.safe_load(data)
        if not isinstance(given, dict) or not isinstance(given.get("transformations"), list):
            raise ValueError("it has no list `transformations`")
        if extra := sorted(set(map(str, given)) - {"name", "priority", "transformations"}):
            raise ValueError(f"{extra[0]} is not allowed")
        return [_step(one, at) for at, one in enumerate(given["transformations"], 1)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(fault("siem-pipeline", "not a pipeline", name, data, error)) from None


def _step(data: Any, at: int) -> Step:
    kind = data.get("type") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in ALLOWED:
        raise ValueError(
            f"transformation {at}: type {str(kind)[:60]!r} is not allowed; "
            f"allowed are {', '.join(sorted(ALLOWED))}"
        )
    key, make = ALLOWED[kind]
    if extra := sorted(set(map(str, data)) - KEYS - set(key)):
        raise ValueError(f"transformation {at}: {extra[0]} is not allowed")
    conditions = data.get("rule_conditions") or []
    if not isinstance(conditions, list):
        raise ValueError(f"transformation {at}: rule_conditions is no list")
    where = tuple(_condition(one, at) for one in conditions)
    try:
        rename, logsource = make(data)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"transformation {at}: {kind} needs {', '.join(key)}") from None
    return Step(where, rename, logsource)


def _condition(data: Any, at: int) -> Mapping[str, str]:
    if not isinstance(data, dict) or data.get("type") != "logsource":
        raise ValueError(f"transformation {at}: a rule condition is of the type logsource")
    return _words({key: value for key, value in data.items() if key != "type"})


def _words(data: Mapping[Any, Any]) -> Mapping[str, str]:
    for key, value in data.items():
        if key not in LOGSOURCE:
            raise ValueError(f"{str(key)[:60]!r} is none of {', '.join(LOGSOURCE)}")
        _plain(value, WORD)
    return {str(key): str(value).lower() for key, value in data.items()}


def _plain(value: Any, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"{str(value)[:60]!r} is no plain name")
    return value


Made = tuple["Rename | None", Mapping[str, str]]


def _mapping(data: Document) -> Made:
    names = {_plain(old, NAME): _plain(new, NAME) for old, new in data["mapping"].items()}
    return lambda field: names.get(field, field), {}


def _prefix_mapping(data: Document) -> Made:
    names = {_plain(old, AFFIX): _plain(new, AFFIX) for old, new in data["mapping"].items()}

    def rename(field: str) -> str:
        for old, new in names.items():
            if field.startswith(old):
                return new + field[len(old) :]
        return field

    return rename, {}


def _prefix(data: Document) -> Made:
    prefix = _plain(data["prefix"], AFFIX)
    return lambda field: prefix + field, {}


def _suffix(data: Document) -> Made:
    suffix = _plain(data["suffix"], AFFIX)
    return lambda field: field + suffix, {}


def _logsource(data: Document) -> Made:
    return None, _words({key: data[key] for key in LOGSOURCE if key in data})


ALLOWED: Mapping[str, tuple[tuple[str, ...], Callable[[Document], Made]]] = {
    "change_logsource": (LOGSOURCE, _logsource),
    "field_name_mapping": (("mapping",), _mapping),
    "field_name_prefix": (("prefix",), _prefix),
    "field_name_prefix_mapping": (("mapping",), _prefix_mapping),
    "field_name_suffix": (("suffix",), _suffix),
}


def apply(steps: Iterable[Step], document: Document) -> Document:
    """The rule as the steps leave it; the given one is not changed."""
    for step in steps:
        logsource = document.get("logsource")
        if not isinstance(logsource, dict) or not isinstance(document.get("detection"), dict):
            return document
        held = {key: str(logsource.get(key) or "").lower() for key in LOGSOURCE}
        if not all(held[key] == word for one in step.where for key, word in one.items()):
            continue
        if step.logsource:
            document = {**document, "logsource": dict(step.logsource)}
        rename = step.rename
        if rename is not None:
            detection = {
                name: one if name == "condition" else _renamed(one, rename)
                for name, one in document["detection"].items()
            }
            document = {**document, "detection": detection}
    return document


def _renamed(data: Any, rename: Rename) -> Any:
    if isinstance(data, list):
        return [_renamed(one, rename) for one in data]
    if not isinstance(data, dict):
        return data
    made: Document = {}
    for key, value in data.items():
        field, bar, words = str(key).partition("|")
        name = f"{rename(field) if field else field}{bar}{words}"
        if "fieldref" in words.split("|"):
            value = _references(value, rename)
        if name in made:
            raise ValueError(f"two of its fields become {name}")
        made[name] = value
    return made


def _references(value: Any, rename: Rename) -> Any:
    if isinstance(value, list):
        return [_references(one, rename) for one in value]
    return rename(value) if isinstance(value, str) else value

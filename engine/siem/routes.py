"""Where alerts go: a YAML file of the user's, the first fitting route first.

    routes:
      - match: {level: [critical, high], product: kubernetes}
        destination: pager            # id of a notification channel
        throttle: 30                  # minutes without another notification
        severity: 1                   # else by the rule's level
        continue: true                # later routes are tried too
      - destination: mail

`match` names any of level, status, product, category, service, tag, rule, environment; each is a
text or a list of texts. A route without `match` fits every rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from assay.engine.errors import InputError, Problem
from assay.engine.siem.documents import fault

KEYS = ("category", "environment", "level", "product", "rule", "service", "status", "tag")
SEVERITIES = {"critical": 1, "high": 2, "medium": 3, "low": 4, "informational": 5}
MAX_THROTTLE = 1440  # minutes: the Alerting plugin takes a day at most
MAX_SIZE = 1024 * 1024


class Route(NamedTuple):
    """One route: `throttle` in minutes, 0 for none; `severity` 1 to 5, 0 for the rule's own."""

    match: Mapping[str, frozenset[str]]
    destination: str
    throttle: int
    severity: int
    on: bool  # later routes are tried too


def read(name: str) -> tuple[Route, ...]:
    """The routes of a file. Raises InputError."""
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        problem = Problem("path-not-found", f"cannot read {name}: {error.strerror}")
        raise InputError(problem) from error
    try:
        if len(data) > MAX_SIZE:
            raise ValueError(f"it is larger than {MAX_SIZE} bytes")
        given = yaml.safe_load(data)
        if not isinstance(given, dict) or not isinstance(given.get("routes"), list):
            raise ValueError("it has no list `routes`")
        if extra := sorted(set(map(str, given)) - {"routes"}):
            raise ValueError(f"unknown key {extra[0]}")
        return tuple(_route(one, at) for at, one in enumerate(given["routes"], 1))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(fault("siem-routes", "not a route file", name, data, error)) from None


def _route(data: Any, at: int) -> Route:
    if not isinstance(data, dict):
        raise ValueError(f"route {at} is no map")
    known = {"match", "destination", "throttle", "severity", "continue"}
    if extra := sorted(set(map(str, data)) - known):
        raise ValueError(f"route {at}: unknown key {extra[0]}; it takes {', '.join(sorted(known))}")
    destination = data.get("destination")
    if not isinstance(destination, str) or not destination:
        raise ValueError(f"route {at} has no destination")
    match = data.get("match") or {}
    if not isinstance(match, dict):
        raise ValueError(f"route {at}: match is no map")
    if extra := sorted(set(map(str, match)) - set(KEYS)):
        raise ValueError(f"route {at}: match takes {', '.join(KEYS)}, not {extra[0]}")
    return Route(
        {str(key): _words(value) for key, value in match.items()},
        destination,
        _number(data, "throttle", at, MAX_THROTTLE),
        _number(data, "severity", at, 5),
        data.get("continue") is True,
    )


def _words(value: Any) -> frozenset[str]:
    return frozenset(str(one).lower() for one in (value if isinstance(value, list) else [value]))


def _number(data: Mapping[str, Any], key: str, at: int, most: int) -> int:
    value = data.get(key, 0)
    if type(value) is not int or not 0 <= value <= most or (key in data and value == 0):
        raise ValueError(f"route {at}: {key} is a whole number of 1 to {most}")
    return value


def chosen(
    routes: Iterable[Route], document: Mapping[str, Any], environment: str
) -> tuple[Route, ...]:
    """The routes of a rule, in their order."""
    logsource = document.get("logsource")
    logsource = logsource if isinstance(logsource, Mapping) else {}
    words = {
        "environment": {environment},
        "level": {str(document.get("level") or "medium")},
        "rule": {str(document.get("id")), str(document.get("name"))},
        "status": {str(document.get("status"))},
        "tag": {str(tag) for tag in document.get("tags") or ()},
        **{key: {str(logsource.get(key))} for key in ("product", "category", "service")},
    }
    found: list[Route] = []
    for route in routes:
        own = {key: {word.lower() for word in given} for key, given in words.items()}
        if all(own[key] & wanted for key, wanted in route.match.items()):
            found.append(route)
            if not route.on:
                break
    return tuple(found)

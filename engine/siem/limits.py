"""What a cluster allows its monitors, asked before anything is written.

Measured on a default one: 75 compilations of queries in five minutes, 100 kept, 65,535 bytes each,
1,000 monitors. A monitor beyond the first three is accepted and then fails at every run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.engine.siem.alerting import Cluster, ServerError

RATE = re.compile(r"(\d+)/(\d+)(s|m|h|d)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
UNLIMITED = 1_000_000_000


class Limits(NamedTuple):
    """`compilations` in five minutes; `kept` in the cache; `query` bytes; `monitors` in all."""

    compilations: int = 75
    kept: int = 100
    query: int = 65_535
    monitors: int = 1000


def ask(cluster: Cluster) -> Limits:
    """The limits of a cluster; the defaults where it does not tell. Raises ServerError."""
    try:
        answer = cluster.ask(
            "GET", "/_cluster/settings", include_defaults="true", flat_settings="true"
        )
    except ServerError as error:
        if error.status in (0, 401, 429, 503):
            raise
        return Limits()
    return read(answer)


def read(answer: Any) -> Limits:
    """The limits in an answer of `_cluster/settings`, flat, with its defaults."""
    given: dict[str, Any] = {}
    for part in ("defaults", "persistent", "transient"):
        found = answer.get(part) if isinstance(answer, Mapping) else None
        given |= _flat(found, "") if isinstance(found, Mapping) else {}
    usual = Limits()
    rate = str(given.get("script.max_compilations_rate") or "")
    kept = given.get("script.cache.max_size")
    if not rate or rate == "use-context":
        rate = str(given.get("script.context.template.max_compilations_rate") or "")
        kept = given.get("script.context.template.cache_max_size")
    return Limits(
        _rate(rate, usual.compilations),
        _number(kept, usual.kept),
        _number(given.get("script.max_size_in_bytes"), usual.query),
        _number(given.get("plugins.alerting.monitor.max_monitors"), usual.monitors),
    )


def _flat(data: Mapping[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            found |= _flat(value, name)
        else:
            found[name] = value
    return found


def _rate(text: str, usual: int) -> int:
    if text == "unlimited":
        return UNLIMITED
    match = RATE.fullmatch(text)
    if match is None or not int(match[2]):
        return usual
    return int(match[1]) * 300 // (int(match[2]) * SECONDS[match[3]])


def _number(value: Any, usual: int) -> int:
    try:
        return int(str(value))
    except ValueError:
        return usual


def exceeded(limits: Limits, own: int, others: int) -> list[str]:
    """What does not fit, each with the setting to raise."""
    found: list[str] = []
    if own + others > limits.monitors:
        found.append(
            f"{own} monitors beside {others} others: the cluster holds {limits.monitors} "
            "(plugins.alerting.monitor.max_monitors)"
        )
    if own > limits.compilations:
        found.append(
            f"{own} monitors: the cluster compiles {limits.compilations} queries in five minutes "
            "(script.max_compilations_rate), and the others would fail at every run"
        )
    if own > limits.kept:
        found.append(
            f"{own} monitors: the cluster keeps {limits.kept} compiled queries "
            "(script.cache.max_size), so each run would compile them all again"
        )
    return found

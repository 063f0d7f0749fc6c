"""An emitted query under an index template → a function of an event: what a server would find.

Analysis is part of it: normalizers, `ignore_above`, malformed numbers and addresses, sub-fields,
copies, and fields that the template does not index. Knows the queries that `emit` writes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from assay.engine.siem import machine, scripts
from assay.engine.siem import text as reading
from assay.engine.siem.event import Event
from assay.engine.siem.meaning import HOWS, ORDERS, wildcard
from assay.engine.siem.sources import KEYWORD_FIELD, OPEN, keyword
from assay.engine.siem.text import fold
from assay.engine.siem.tree import ANY, ONE, Parts

Found = Callable[["Indexed"], bool]
Mapping_ = Mapping[str, Any]


class Index:
    """The mappings of an index template, asked by field."""

    def __init__(self, template: Mapping_) -> None:
        mappings = template["template"]["mappings"]
        self.dynamic = str(mappings.get("dynamic", True)).lower() == "true"
        self.properties: Mapping_ = mappings["properties"]
        self._fields: dict[str, Mapping_ | None] = {}
        self._copied: dict[str, list[str]] = {}
        for name, mapping in _leaves(self.properties, ""):
            copied = mapping.get("copy_to", ())  # a server answers with a list
            for target in [copied] if isinstance(copied, str) else copied:
                self._copied.setdefault(target, []).append(name)

    def field(self, name: str) -> Mapping_ | None:
        """The mapping of a field or group of fields; None where the index has none."""
        if name not in self._fields:
            self._fields[name] = self._find(name)
        return self._fields[name]

    def _find(self, name: str) -> Mapping_ | None:
        properties: Mapping_ = self.properties
        node: Mapping_ | None = None
        for step in name.split("."):
            if node is not None and step in node.get("fields", {}):
                return cast("Mapping_", node["fields"][step])
            node = properties.get(step)
            if node is None:
                return self._open(name)
            properties = node.get("properties", {})
        return node

    def _open(self, name: str) -> Mapping_ | None:
        """What becomes of a field that the template does not name."""
        if not self.dynamic:
            return None
        mapping = keyword(OPEN)
        sub = mapping["fields"].get(name.rpartition(".")[2])
        return cast("Mapping_", sub or mapping)

    def sources_of(self, target: str, event: Event) -> Iterable[str]:
        """The fields whose values are copied into the target."""
        yield from self._copied.get(target, ())
        if self.dynamic and target == KEYWORD_FIELD:
            yield from (name for name in event.names() if name not in self.properties)


def _leaves(properties: Mapping_, path: str) -> Iterable[tuple[str, Mapping_]]:
    for name, mapping in properties.items():
        full = f"{path}.{name}" if path else name
        if "properties" in mapping:
            yield from _leaves(mapping["properties"], full)
        else:
            yield full, mapping


class Indexed:
    """One event as the index holds it."""

    __slots__ = ("_terms", "event", "index")

    def __init__(self, event: Event, index: Index) -> None:
        self.event = event
        self.index = index
        self._terms: dict[str, frozenset[Any]] = {}

    def terms(self, field: str) -> frozenset[Any]:
        """What is indexed for a field: texts, numbers, addresses or times by its type."""
        found = self._terms.get(field)
        if found is None:
            found = self._terms[field] = frozenset(self._indexed(field))
        return found

    def _indexed(self, field: str) -> Iterable[Any]:
        mapping = self.index.field(field)
        values: list[str] = []
        name, _, sub = field.rpartition(".")
        parent = self.index.field(name) if name else None
        if parent and sub in parent.get("fields", {}):
            field = name
        if mapping is None or "properties" in mapping:
            return
        values += self.event.values(field)
        for source in self.index.sources_of(field, self.event):
            values += self.event.values(source)
        for value in values:
            if (term := _term(value, mapping)) is not None:
                yield term

    def exists(self, field: str) -> bool:
        """Whether the field, or one below it, has an indexed value."""
        if self.terms(field):
            return True
        return any(
            name.startswith(f"{field}.") and bool(self.terms(name)) for name in self.event.names()
        )


def _term(value: str, mapping: Mapping_) -> Any:
    kind = mapping["type"]
    if kind == "keyword":
        if len(value) + sum(char > "\uffff" for char in value) > mapping["ignore_above"]:
            return None
        return fold(value) if "normalizer" in mapping else value
    if kind == "double":
        return reading.number(value)
    if kind == "ip":
        return reading.address(value)
    return reading.time(value)


def compile_query(query: Mapping_) -> Found:
    """The function of a query. Raises KeyError for a query that `emit` never writes."""
    ((kind, body),) = query.items()
    return QUERIES[kind](body)


def _bool(body: Mapping_) -> Found:
    wanted = [compile_query(item) for item in body.get("filter", ())]
    either = [compile_query(item) for item in body.get("should", ())]
    unwanted = [compile_query(item) for item in body.get("must_not", ())]
    return lambda event: (
        all(item(event) for item in wanted)
        and (not either or any(item(event) for item in either))
        and not any(item(event) for item in unwanted)
    )


def _only(body: Mapping_) -> tuple[str, Any]:
    ((field, given),) = body.items()
    return field, given["value"] if isinstance(given, dict) and "value" in given else given


def _queried(text: str, indexed: Indexed, field: str) -> str:
    """A text as the field's normalizer puts it."""
    mapping = indexed.index.field(field) or {}
    return fold(text) if "normalizer" in mapping else text


def _term_query(body: Mapping_) -> Found:
    field, value = _only(body)
    if field.endswith(".ip"):
        network = ipaddress.ip_network(value)
        return lambda event: any(_inside(found, network) for found in event.terms(field))
    return lambda event: _queried(value, event, field) in event.terms(field)


def _inside(found: Any, network: Any) -> bool:
    if not isinstance(found, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return False
    if found.version == network.version:
        return found in network
    if network.version == 6:  # the server keeps IPv4 inside IPv6
        return ipaddress.IPv6Address(f"::ffff:{found}") in network
    return False


def _terms_query(body: Mapping_) -> Found:
    field, values = _only(body)
    return lambda event: any(
        _queried(value, event, field) in event.terms(field) for value in values
    )


def _prefix(body: Mapping_) -> Found:
    field, value = _only(body)
    return lambda event: any(
        found.startswith(_queried(value, event, field)) for found in event.terms(field)
    )


def _wildcard(body: Mapping_) -> Found:
    field, value = _only(body)
    cases = {True: _unescape(fold(value)), False: _unescape(value)}

    def found(event: Indexed) -> bool:
        mapping = event.index.field(field) or {}
        parts = cases["normalizer" in mapping]
        return any(wildcard(term, parts) for term in event.terms(field))

    return found


def _unescape(pattern: str) -> Parts:
    parts: list[str | int | None] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            parts.append(ANY)
        elif char == "?":
            parts.append(ONE)
        else:
            if char == "\\" and at < len(pattern):
                char = pattern[at]
                at += 1
            parts.append(char)
    return tuple(parts)


def _regexp(body: Mapping_) -> Found:
    """Lucene's syntax, of which we write a part that RE2 reads alike."""
    import re2

    field, value = _only(body)
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = 256 << 20
    compiled = re2.compile(value.replace("()", "(?:)"), options)
    return lambda event: any(compiled.fullmatch(term) is not None for term in event.terms(field))


def _exists(body: Mapping_) -> Found:
    field = body["field"]
    return lambda event: event.exists(field)


def _range(body: Mapping_) -> Found:
    field, bounds = _only(body)
    tests = [(ORDERS[order], float(bound)) for order, bound in bounds.items()]
    return lambda event: any(
        all(test(found, bound) for test, bound in tests) for found in event.terms(field)
    )


def _script(body: Mapping_) -> Found:
    script = body["script"]
    return SCRIPTS[script["source"]](script["params"])


def _compare(params: Mapping_) -> Found:
    field, compare, bound = params["field"], ORDERS[params["order"]], params["number"]

    def found(event: Indexed) -> bool:
        numbers = map(reading.number, event.terms(field))
        return any(number is not None and compare(number, bound) for number in numbers)

    return found


def _reference(params: Mapping_) -> Found:
    field, other, same = params["field"], params["other"], HOWS[params["how"]]
    return lambda event: any(
        same(one, two) for one in event.terms(field) for two in event.terms(other)
    )


def _time_part(params: Mapping_) -> Found:
    field, part, number = params["field"], params["part"], params["number"]
    return lambda event: any(
        reading.time_part(moment, part) == number for moment in event.terms(field)
    )


def _machine(params: Mapping_) -> Found:
    field = params["field"]
    return lambda event: any(machine.runs(params, value) for value in event.terms(field))


QUERIES: Mapping[str, Callable[[Mapping_], Found]] = {
    "bool": _bool,
    "exists": _exists,
    "prefix": _prefix,
    "range": _range,
    "regexp": _regexp,
    "script": _script,
    "term": _term_query,
    "terms": _terms_query,
    "wildcard": _wildcard,
}
SCRIPTS: Mapping[str, Callable[[Mapping_], Found]] = {
    scripts.COMPARE: _compare,
    scripts.REFERENCE: _reference,
    scripts.REGEXP: _machine,
    scripts.TIME_PART: _time_part,
}

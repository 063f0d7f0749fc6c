"""Log sources: which index holds a rule's events, how its fields are called and typed there.

A source is a YAML file of `sigma/sources`. Text fields are `keyword` with a lower-case normalizer:
the only type on which every form of query gives Sigma's answer. Beside it stand sub-fields where
they are needed: `cased` (case matters), `number`, `ip`, `date`; and `assay_all` holds a copy of
every value for tests without a field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from assay.engine.errors import InputError, Problem

KEYWORD_FIELD = "assay_all"
# Lucene takes terms of 32,766 bytes at most, and a UTF-16 unit has at most three: a longer value
# would have its whole document refused. What is longer is kept in the document, not searched.
MAX_VALUE = 10_922
MAX_REGEX = 20_000
SUB_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "cased": {"type": "keyword", "ignore_above": MAX_VALUE},
    "number": {"type": "double", "ignore_malformed": True},
    "ip": {"type": "ip", "ignore_malformed": True},
    "date": {"type": "date", "ignore_malformed": True},
}
GENERIC = "generic"
# Beside the engine in a checkout and in an installed package alike. `assay.sigma` is a namespace
# without a file, which importlib.resources cannot open in an editable install.
FOLDER = Path(__file__).parents[2] / "sigma"
OPEN = ("ip", "number")  # the sub-fields of what the generic source has not listed


class Source(NamedTuple):
    """One log source.

    name        also the name of its index template: `assay-<name>`
    pattern     the pattern of its indexes
    logsources  Sigma log sources that it serves; each a map of category, product, service
    aliases     Sigma field name → the fields of the index that hold it
    fields      field → its extra sub-fields besides `cased` (of number, ip, date)
    open        whether fields that are not listed are indexed too (the generic source)
    """

    name: str
    title: str
    pattern: str
    logsources: tuple[Mapping[str, str], ...]
    aliases: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, frozenset[str]]
    open: bool = False

    def resolve(self, field: str) -> tuple[str, ...]:
        """The fields of the index that a rule's field stands for."""
        return self.aliases.get(field) or (field,)

    def extras(self, field: str) -> frozenset[str]:
        """The sub-fields of a field of the index besides `cased`."""
        if self.open:
            return frozenset({"number", "ip"})
        return self.fields.get(field, frozenset())

    def knows(self, field: str) -> bool:
        """Whether the field, or fields below it, are in the index."""
        if self.open or field in self.fields:
            return True
        return any(name.startswith(f"{field}.") for name in self.fields)


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Source]:
    """The sources that come with Assay, by name."""
    found: dict[str, Source] = {}
    for entry in sorted(FOLDER.joinpath("sources").glob("*.yaml")):
        source = read(entry.read_text("utf-8"), entry.name)
        found[source.name] = source
    return found


def read(text: str, file: str) -> Source:
    """A source from its YAML. Raises InputError."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, loader)  # noqa: S506 - one of the safe loaders
        fields: dict[str, frozenset[str]] = {}
        for kind in ("text", "number", "ip", "date"):
            for name in (data.get("fields") or {}).get(kind, ()):
                extra = {kind} - {"text"}
                fields[str(name)] = fields.get(str(name), frozenset()) | extra
        return Source(
            name=str(data["name"]),
            title=str(data["title"]),
            pattern=str(data["index"]),
            logsources=tuple(data["logsources"]),
            aliases={
                str(name): tuple([to] if isinstance(to, str) else to)
                for name, to in (data.get("aliases") or {}).items()
            },
            fields=dict(sorted(fields.items())),
            open=bool(data.get("open", False)),
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(Problem("siem-source", f"not a log source: {error}", file=file)) from error


def choose(logsource: Mapping[str, Any], sources: Mapping[str, Source]) -> Source:
    """The source of a rule: the one with the most of its log source's words; else the generic."""
    best, most = sources[GENERIC], 0
    for source in sources.values():
        for words in source.logsources:
            fits = all(_same(logsource.get(key), word) for key, word in words.items())
            if fits and len(words) > most:
                best, most = source, len(words)
    return best


def _same(given: Any, wanted: str) -> bool:
    return isinstance(given, str) and given.lower() == wanted


def template(source: Source) -> dict[str, Any]:
    """The index template of a source, as `PUT _index_template/assay-<name>` takes it."""
    properties: dict[str, Any] = {}
    for name, extras in source.fields.items():
        _place(properties, name.split("."), keyword(extras))
    properties["@timestamp"] = {"type": "date"}
    properties[KEYWORD_FIELD] = keyword((), copy=False)
    mappings: dict[str, Any] = {"dynamic": False, "properties": properties}
    if source.open:
        mappings["dynamic"] = True
        mappings["date_detection"] = False
        mappings["dynamic_templates"] = [
            {f"{kind}s": {"match_mapping_type": kind, "mapping": keyword(OPEN)}}
            for kind in ("string", "long", "double", "boolean")
        ]
    return {
        "index_patterns": [source.pattern],
        "priority": 50 if source.open else 200,
        "template": {"settings": settings(), "mappings": mappings},
        "_meta": {"owner": "assay", "source": source.name},
    }


def settings() -> dict[str, Any]:
    """Index settings that the queries rely on."""
    return {
        "index.max_regex_length": MAX_REGEX,
        "index.mapping.total_fields.limit": 5000,
        "index.query.default_field": KEYWORD_FIELD,
        "analysis": {
            "normalizer": {"assay_lower": {"type": "custom", "filter": ["lowercase"]}},
        },
    }


def keyword(extras: Iterable[str], copy: bool = True) -> dict[str, Any]:
    """The mapping of a text field with the sub-fields `cased` and extras."""
    mapping: dict[str, Any] = {
        "type": "keyword",
        "normalizer": "assay_lower",
        "ignore_above": MAX_VALUE,
        "fields": {name: dict(SUB_FIELDS[name]) for name in ("cased", *sorted(extras))},
    }
    if copy:
        mapping["copy_to"] = KEYWORD_FIELD
    return mapping


def _place(properties: dict[str, Any], steps: list[str], mapping: dict[str, Any]) -> None:
    for step in steps[:-1]:
        properties = properties.setdefault(step, {"properties": {}})["properties"]
    properties[steps[-1]] = mapping


def template_text(source: Source) -> str:
    """The template as a file."""
    return json.dumps(template(source), indent=1, sort_keys=True) + "\n"

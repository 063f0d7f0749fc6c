"""Rules → search bodies, and what was refused: the whole of `assay sigma convert`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from assay.engine.siem import emit
from assay.engine.siem.load import Refusal, Rule, Rules, load
from assay.engine.siem.sources import Source, choose, shipped
from assay.engine.siem.tree import RefusedError


class Converted(NamedTuple):
    """A rule with the source that holds its events and the body of its search."""

    rule: Rule
    source: Source
    body: dict[str, Any]


class Conversion(NamedTuple):
    """All converted rules in the order of their files, and all refusals with place and reason."""

    converted: list[Converted]
    refused: list[Refusal]


def convert(
    paths: Iterable[str], placeholders: Mapping[str, list[str]] | None = None
) -> Conversion:
    """Converts all rules below the paths. Raises InputError for a path that does not exist."""
    return convert_rules(load(paths, placeholders))


def convert_rules(rules: Rules) -> Conversion:
    """Converts what was loaded."""
    sources = shipped()
    done = Conversion([], list(rules.refused))
    chosen: dict[tuple[str, ...], Source] = {}
    for rule in rules.rules:
        words = tuple(str(rule.logsource.get(key)) for key in ("product", "category", "service"))
        if words not in chosen:
            chosen[words] = choose(rule.logsource, sources)
        source = chosen[words]
        try:
            done.converted.append(Converted(rule, source, {"query": emit.query(rule.tree, source)}))
        except RefusedError as error:
            done.refused.append(Refusal(rule.file, rule.line, rule.id, str(error)))
    for found in rules.correlations:
        reason = "a correlation is more than one query"
        done.refused.append(Refusal(found.file, found.line, found.id, reason))
    done.refused.sort()
    return done

"""Rules → search bodies, and what was refused: the whole of `assay sigma convert`."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from assay.engine.siem import correlation, emit, pipeline
from assay.engine.siem.load import Correlation, Refusal, Rule, Rules, load
from assay.engine.siem.sources import Source, choose, shipped
from assay.engine.siem.tree import RefusedError

LOGSOURCE = ("category", "product", "service")


class Converted(NamedTuple):
    """A rule with the source that holds its events and the body of its search."""

    rule: Rule
    source: Source
    body: dict[str, Any]


class Correlated(NamedTuple):
    """A correlation with the source that holds the events of its rules and its search."""

    rule: Correlation
    source: Source
    body: dict[str, Any]
    joined: correlation.Joined


class Conversion(NamedTuple):
    """All converted rules in the order of their files, and all refusals with place and reason."""

    converted: list[Converted]
    correlated: list[Correlated]
    refused: list[Refusal]

    def searches(self) -> list[Converted | Correlated]:
        """All that has a search."""
        return [*self.converted, *self.correlated]


def convert(
    paths: Iterable[str],
    placeholders: Mapping[str, list[str]] | None = None,
    pipelines: Iterable[str] = (),
) -> Conversion:
    """Converts all rules below the paths. Raises InputError for a path that does not exist."""
    with uncollected():
        return convert_rules(load(paths, placeholders, pipeline.read(pipelines)))


@contextmanager
def uncollected() -> Iterator[None]:
    """Python looks for garbage in circles again and again while much is built; here is none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def convert_rules(rules: Rules) -> Conversion:
    """Converts what was loaded."""
    sources = shipped()
    done = Conversion([], [], list(rules.refused))
    emit_rules(rules, done)
    by_name = {one.rule.id: one.rule for one in done.converted}
    by_name |= {
        str(one.document["name"]): one for one in by_name.values() if "name" in one.document
    }
    for found in rules.correlations:
        _correlate(done, found, by_name, sources)
    done.refused.sort()
    return done


def emit_rules(rules: Rules, done: Conversion) -> None:
    """Adds the searches of plain rules, and what is refused, to `done`."""
    for rule in rules.rules:
        source = _source(*(str(rule.logsource.get(key)) for key in LOGSOURCE))
        try:
            done.converted.append(Converted(rule, source, {"query": emit.query(rule.tree, source)}))
        except RefusedError as error:
            done.refused.append(Refusal(rule.file, rule.line, rule.id, str(error)))


@lru_cache(maxsize=4096)
def _source(*words: str) -> Source:
    return choose(dict(zip(LOGSOURCE, words, strict=True)), shipped())


def _correlate(
    done: Conversion,
    found: Correlation,
    by_name: Mapping[str, Rule],
    sources: Mapping[str, Source],
) -> None:
    from sigma.exceptions import SigmaError

    try:
        joined = correlation.join(found, by_name, sources)
        done.correlated.append(Correlated(found, joined.source, correlation.body(joined), joined))
    except (RefusedError, SigmaError) as error:
        done.refused.append(Refusal(found.file, found.line, found.id, " ".join(str(error).split())))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        reason = f"malformed: {error}"  # pySigma met a shape that it did not expect
        done.refused.append(Refusal(found.file, found.line, found.id, reason))

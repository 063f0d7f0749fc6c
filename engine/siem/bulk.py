"""Many files of rules → the texts of their searches: on all processors, and kept for the next time.

For rules that stand alone. Filters and correlations tie files together; where there is one, the
caller converts all as one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.siem import kept
from assay.engine.siem.load import Refusal, load_file, taken, texts

FEW = 200  # files for which a second process would not pay
MOST = 8  # processes

# [line, id, index pattern, text of the search] of a rule, [line, id, reason, None] of a refused
# one; and with `loaded` in the end where the refused one holds its id against others.
Entry = list[Any]
File = tuple[str, bytes]


class Search(NamedTuple):
    """A rule's search: `text` is compact JSON."""

    rule: str
    pattern: str
    text: str


class Bulk(NamedTuple):
    """The searches in the order of the files, and all refusals."""

    searches: list[Search]
    refused: list[Refusal]


def searches(
    paths: Iterable[str],
    placeholders: Mapping[str, list[str]] | None,
    pipelines: Sequence[str],
) -> Bulk | None:
    """The searches of the rules below the paths; None where files belong together.

    Raises InputError for a path that does not exist and for a pipeline that is none.
    """
    from assay.engine.siem import pipeline

    pipeline.read(pipelines)
    refused: list[Refusal] = []
    given = list(texts(paths, refused))
    digests = [hashlib.sha256(data).hexdigest() for _, data in given]
    name = kept.name(_options(placeholders, pipelines))
    known = kept.get(name)
    missing = {
        digest: file for digest, file in zip(digests, given, strict=True) if digest not in known
    }
    if missing:
        made = _made(list(missing.values()), placeholders, pipelines)
        known = {digest: known[digest] for digest in digests if digest in known}
        known |= dict(zip(missing, made, strict=True))
        kept.put(name, known)
    entries = [known[digest] for digest in digests]
    if None in entries:
        return None
    return _joined([file for file, _ in given], entries, refused)


def _options(placeholders: Mapping[str, list[str]] | None, pipelines: Sequence[str]) -> str:
    given = []
    for one in pipelines:
        with open(one, "rb") as stream:  # noqa: PTH123 - it was read a moment ago
            given.append(hashlib.sha256(stream.read()).hexdigest())
    return json.dumps([placeholders, given], sort_keys=True)


def _made(
    given: list[File], placeholders: Mapping[str, list[str]] | None, pipelines: Sequence[str]
) -> list[list[Entry] | None]:
    """What each file became; shared among the processors where there are many."""
    processes = min(_processors(), MOST, len(given) // FEW)
    if processes < 2:
        return _converted(given, placeholders, pipelines)
    parts = _shares(given, processes)
    children = [_child(part, placeholders, pipelines) for part in parts[1:]]
    made = _converted(parts[0], placeholders, pipelines)
    for part, child in zip(parts[1:], children, strict=True):
        answer = _answer(*child)
        # A child that died is no reason to give up: its share is done here.
        made += _converted(part, placeholders, pipelines) if answer is None else answer
    return made


def _processors() -> int:
    if not hasattr(os, "fork"):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _shares(given: list[File], processes: int) -> list[list[File]]:
    """The files in order, cut so that each share has about as many bytes."""
    whole = sum(len(data) for _, data in given)
    parts: list[list[File]] = [[]]
    done = 0
    for file in given:
        if done >= whole * len(parts) / processes:
            parts.append([])
        parts[-1].append(file)
        done += len(file[1])
    return parts


def _child(
    part: list[File], placeholders: Mapping[str, list[str]] | None, pipelines: Sequence[str]
) -> tuple[int, int]:
    """A process that converts a share: its number, and where its answer is read from."""
    reading, writing = os.pipe()
    number = os.fork()
    if number:
        os.close(writing)
        return number, reading
    code = 1
    try:
        os.close(reading)
        data = json.dumps(_converted(part, placeholders, pipelines)).encode()
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)
        code = 0
    finally:
        os._exit(code)


def _answer(number: int, reading: int) -> list[list[Entry] | None] | None:
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    _, status = os.waitpid(number, 0)
    if status:
        return None
    made: list[list[Entry] | None] = json.loads(data)
    return made


def _converted(
    given: list[File], placeholders: Mapping[str, list[str]] | None, pipelines: Sequence[str]
) -> list[list[Entry] | None]:
    from assay.engine.siem import pipeline
    from assay.engine.siem.convert import Conversion, emit_rules, uncollected

    steps = pipeline.read(pipelines)
    made: list[list[Entry] | None] = []
    with uncollected():
        for name, data in given:
            rules = load_file(name, data, placeholders, steps)
            if rules is None:
                made.append(None)
                continue
            done = Conversion([], [], [])
            emit_rules(rules, done)
            entries: list[Entry] = [
                [one.rule.line, one.rule.id, one.source.pattern, text_of(one.body)]
                for one in done.converted
            ]
            entries += [[one.line, one.rule, one.reason, None, True] for one in done.refused]
            entries += [[one.line, one.rule, one.reason, None, False] for one in rules.refused]
            made.append(sorted(entries, key=lambda entry: (entry[0], entry[1], entry[2])))
    return made


def text_of(body: Mapping[str, Any]) -> str:
    """A search as compact JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _joined(names: list[str], entries: list[list[Entry]], refused: list[Refusal]) -> Bulk:
    """All as one, ids compared: of two rules with one id the second is refused."""
    first: dict[str, str] = {}
    found: list[Search] = []
    for name, group in zip(names, entries, strict=True):
        for line, rule, what, text, *loaded in group:
            place = f"{name}:{line}"
            holds = text is not None or loaded[0]
            if holds and first.setdefault(rule.lower(), place) != place:
                refused.append(Refusal(name, line, rule, taken(first[rule.lower()])))
            elif text is None:
                refused.append(Refusal(name, line, rule, what))
            else:
                found.append(Search(rule, what, text))
    return Bulk(found, sorted(refused))

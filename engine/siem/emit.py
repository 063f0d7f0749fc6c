"""A tree of tests and a source → the OpenSearch query that finds exactly the same events.

What no query can say is refused with the reason; nothing is approximated. Text fields have a
lower-case normalizer, so values are written in lower case; where case matters (`|cased`, `|re`) the
sub-field `cased` is asked. Measured: the server puts a `regexp` on a normalized field in lower case
as a whole, `\\S` too, so expressions never go there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from assay.engine.siem import automaton, machine, scripts
from assay.engine.siem.addresses import spelt
from assay.engine.siem.lucene import quote, write
from assay.engine.siem.regex import (
    ANY as ANY_CHAR,
)
from assay.engine.siem.regex import EVERYTHING, Alt, Chars, Node, Seq, UnsupportedError, parse
from assay.engine.siem.regex_edges import resolve
from assay.engine.siem.sources import KEYWORD_FIELD, MAX_REGEX, MAX_VALUE, Source
from assay.engine.siem.text import fold
from assay.engine.siem.tree import (
    ANY,
    MAPPED,
    ONE,
    And,
    Cidr,
    Compare,
    Exists,
    Not,
    Or,
    Parts,
    Pattern,
    Reference,
    RefusedError,
    Regex,
    Several,
    Test,
    Texts,
    TimePart,
    Tree,
)

MAX_CLAUSES = 1024  # indices.query.bool.max_clause_count
CHUNK = 4000  # characters of patterns in one expression
MAX_DEPTH = 20  # indices.query.bool.max_nested_depth
TIMESTAMP = "@timestamp"
ALL_IPV4 = "0.0.0.0/0"  # the server refuses to read ::ffff:0:0/96

Query = dict[str, Any]


def query(tree: Tree, source: Source) -> Query:
    """The query of a tree. Raises RefusedError."""
    made = _query(tree, source)
    clauses, depth = _measure(made)
    if clauses > MAX_CLAUSES:
        made = _query(_merged(tree), source)
        clauses, depth = _measure(made)
    if clauses > MAX_CLAUSES:
        raise RefusedError(f"the query has {clauses} clauses; OpenSearch takes {MAX_CLAUSES}")
    if depth > MAX_DEPTH:
        raise RefusedError(f"the condition is {depth} levels deep; OpenSearch takes {MAX_DEPTH}")
    return made


def _query(tree: Tree | _Terms, source: Source) -> Query:
    if isinstance(tree, Or):
        return _any([_query(item, source) for item in _grouped(tree.items)])
    if isinstance(tree, And):
        return _all([_query(item, source) for item in tree.items])
    if isinstance(tree, Not):
        return {"bool": {"must_not": [_query(tree.item, source)]}}
    if isinstance(tree, _Terms):
        return _each(tree.field, source, lambda name: {"terms": {name: list(tree.values)}})
    return _test(tree, source)


def _merged(tree: Tree) -> Tree:
    """The tree with long lists of patterns put into few expressions, each one clause."""
    if isinstance(tree, Not):
        return Not(_merged(tree.item))
    if isinstance(tree, And):
        return And(tuple(map(_merged, tree.items)))
    if not isinstance(tree, Or):
        return tree
    kept: list[Tree] = []
    groups: dict[str | None, list[Parts]] = {}
    for item in tree.items:
        if isinstance(item, Pattern) and len(item.parts) > 1 and not item.cased:
            spread = item.parts if item.field is not None else _open(item.parts)
            groups.setdefault(item.field, []).append(spread)
        else:
            kept.append(_merged(item))
    for field, group in groups.items():
        kept += [Several(field, chunk) for chunk in _chunks(group)]
    return kept[0] if len(kept) == 1 else Or(tuple(kept))


def _chunks(group: list[Parts]) -> Iterator[tuple[Parts, ...]]:
    """The patterns in groups by shape, none longer than CHUNK characters."""
    chunk: list[Parts] = []
    size = 0
    for parts in sorted(group, key=lambda one: (one[0] is not ANY, one[-1] is not ANY)):
        length = sum(len(part) if isinstance(part, str) else 1 for part in parts)
        if chunk and (size + length > CHUNK or _ends(chunk[-1]) != _ends(parts)):
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(parts)
        size += length
    if chunk:
        yield tuple(chunk)


def _ends(parts: Parts) -> tuple[bool, bool]:
    return parts[0] is ANY, parts[-1] is ANY


def _several(field: str, chunk: tuple[Parts, ...]) -> Query:
    """Patterns of one shape as one expression, in lower case as the field is."""
    before, after = _ends(chunk[0])
    if not any(ANY in parts[1:-1] or ONE in parts for parts in chunk):
        texts = [quote(fold(part)) for parts in chunk for part in parts if isinstance(part, str)]
        value = f"{'.*' * before}({'|'.join(texts)}){'.*' * after}"
        # Plain texts: a few steps for each character, which may be more than the default allows.
        made = {"value": value, "flags": "NONE"}
        return {"regexp": {field: _bounded(made, automaton.DEFAULT_EFFORT + 1)}}
    branches = []
    for parts in chunk:
        inner = parts[1 if before else 0 : len(parts) - (1 if after else 0)]
        branches.append(
            Seq(
                tuple(
                    node
                    for part in inner
                    for node in (
                        [Chars(((ord(char), ord(char)),)) for char in fold(part)]
                        if isinstance(part, str)
                        else [EVERYTHING if part is ANY else ANY_CHAR]
                    )
                )
            )
        )
    lead, tail = [EVERYTHING] * before, [EVERYTHING] * after
    tree = Seq((*lead, Alt(tuple(branches)), *tail))
    try:
        effort = automaton.effort(tree)
    except UnsupportedError as error:
        raise RefusedError(f"a list of patterns for {field}: {error}") from None
    return {"regexp": {field: _bounded({"value": write(tree), "flags": "NONE"}, effort)}}


class _Terms:
    """Several whole values of one field, or-ed: a `terms` query is one clause."""

    __slots__ = ("field", "values")

    def __init__(self, field: str) -> None:
        self.field = field
        self.values: dict[str, None] = {}


def _grouped(items: tuple[Any, ...]) -> list[Any]:
    """The items of an Or, with plain values of one field put together."""
    groups: dict[str, _Terms] = {}
    kept: list[Any] = []
    for item in items:
        values = _plain_values(item)
        if values is None:
            kept.append(item)
            continue
        if item.field not in groups:
            groups[item.field] = _Terms(item.field)
            kept.append(groups[item.field])
        groups[item.field].values.update(dict.fromkeys(values))
    return [
        Pattern(item.field, tuple(item.values))
        if isinstance(item, _Terms) and len(item.values) == 1 and "" not in item.values
        else item
        for item in kept
    ]


def _plain_values(item: Any) -> list[str] | None:
    if isinstance(item, Texts) and item.field is not None:
        return list(item.texts)
    if isinstance(item, Pattern) and item.field is not None and not item.cased:
        if not item.parts:
            return [""]
        if len(item.parts) == 1 and isinstance(item.parts[0], str):
            return [_checked(fold(item.parts[0]))]
    return None


def _any(queries: list[Query]) -> Query:
    if len(queries) == 1:
        return queries[0]
    return {"bool": {"should": queries, "minimum_should_match": 1}}


def _all(queries: list[Query]) -> Query:
    """The queries and-ed; negations among them become `must_not` of one bool."""
    wanted: list[Query] = []
    unwanted: list[Query] = []
    for item in queries:
        inner = item.get("bool", {})
        if set(inner) == {"must_not"}:
            unwanted += inner["must_not"]
        else:
            wanted.append(item)
    made: Query = {}
    if wanted:
        made["filter"] = wanted
    if unwanted:
        made["must_not"] = unwanted
    return {"bool": made}


def _each(field: str | None, source: Source, make: Callable[[str], Query]) -> Query:
    """The query over every field of the index that the rule's field stands for."""
    names = (KEYWORD_FIELD,) if field is None else source.resolve(field)
    return _any([make(name) for name in names])


def _test(test: Test, source: Source) -> Query:
    match test:
        case Pattern(field, parts, cased):
            spread = parts if field is not None else _open(parts)
            return _each(field, source, lambda name: _pattern(name, spread, cased))
        case Several(field, chunk):
            return _each(field, source, lambda name: _several(name, chunk))
        case Texts(field, texts):
            if field is None:
                return _any(
                    [_pattern(KEYWORD_FIELD, (ANY, text, ANY), cased=False) for text in texts[:1]]
                )
            return _each(field, source, lambda name: {"terms": {name: list(texts)}})
        case Regex(field, pattern, flags):
            return _each(field, source, lambda name: _regex(name, pattern, flags))
        case Exists(field):
            return _each(field, source, lambda name: {"exists": {"field": name}})
        case Cidr(field, network):
            return _each(field, source, lambda name: _cidr(name, network, source))
        case Compare(field, order, number):
            return _each(field, source, lambda name: _compare(name, order, number, source))
        case Reference(field, other, how):
            return _each(field, source, lambda name: _reference(name, other, how, source))
        case TimePart(field, part, number):
            return _each(field, source, lambda name: _time_part(name, part, number, source))


def _open(parts: Parts) -> Parts:
    """A test without a field is for a part of any value."""
    lead = () if parts[:1] == (ANY,) else (ANY,)
    tail = () if parts[-1:] == (ANY,) else (ANY,)
    return (*lead, *parts, *tail) if parts else (ANY,)


def _pattern(name: str, parts: Parts, cased: bool) -> Query:
    field = f"{name}.cased" if cased else name
    if parts == (ANY,):
        return {"exists": {"field": name}}
    texts = [part if cased else fold(part) for part in parts if isinstance(part, str)]
    _checked("".join(texts))
    if len(parts) == len(texts):
        return {"term": {field: {"value": "".join(texts)}}}
    if len(parts) == 2 and parts[1] is ANY and isinstance(parts[0], str):
        return {"prefix": {field: {"value": texts[0]}}}
    folded = iter(texts)
    pattern = "".join(
        "*" if part is ANY else _escape(next(folded)) if isinstance(part, str) else "?"
        for part in parts
    )
    return {"wildcard": {field: {"value": pattern}}}


def _checked(text: str) -> str:
    if len(text) > MAX_VALUE:
        raise RefusedError(f"a value has more than {MAX_VALUE} characters, no indexed one has")
    return text


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


@lru_cache(maxsize=4096)
def _regexp(pattern: str, flags: frozenset[str]) -> tuple[str, int, Node | None]:
    """The expression, its effort, and its tree where Lucene cannot make it deterministic."""
    from assay.engine.siem.meaning import compiled_regex

    compiled_regex(pattern, flags)  # what RE2 refuses has no reference meaning either
    try:
        tree = resolve(parse(pattern, flags))
        made = write(tree)
        if len(made) > MAX_REGEX:
            raise UnsupportedError(f"in Lucene's form it has more than {MAX_REGEX} characters")
        if not automaton.risky(tree):
            return made, 0, None
        # Without texts to search for first, a script would have to look at every value.
        scripted = bool(machine.needles(tree))
        try:
            sets = automaton.MAX_SETS // 4 if scripted else automaton.MAX_SETS
            return made, automaton.effort(tree, sets), None
        except automaton.TooLargeError:
            if not scripted:
                raise
            machine.machine(tree)  # or it is refused here
            return made, 0, tree
    except UnsupportedError as error:
        raise RefusedError(f"regular expression {pattern!r}: {error}") from None


def _regex(name: str, pattern: str, flags: frozenset[str]) -> Query:
    """Only what we write is meant, so Lucene's optional operators are off. Raises RefusedError."""
    value, effort, large = _regexp(pattern, flags)
    field = f"{name}.cased"
    if large is None:
        return {"regexp": {field: _bounded({"value": value, "flags": "NONE"}, effort)}}
    script = _script(scripts.REGEXP, field=field, **machine.machine(large))
    return _all([_pattern(name, machine.needles(large), cased=False), script])


def _bounded(made: Query, effort: int) -> Query:
    if effort > automaton.DEFAULT_EFFORT:
        made["max_determinized_states"] = automaton.MAX_DETERMINIZED
    return made


def _cidr(name: str, network: Any, source: Source) -> Query:
    if "ip" in source.extras(name):
        inside: Query = {"term": {f"{name}.ip": {"value": str(network)}}}
        if isinstance(network, ipaddress.IPv6Network) and network.supernet_of(MAPPED):
            # The server keeps IPv4 addresses as mapped ones; they are not in an IPv6 network.
            apart: Query = {"term": {f"{name}.ip": {"value": ALL_IPV4}}}
            return _all([inside, {"bool": {"must_not": [apart]}}])
        return inside
    if isinstance(network, ipaddress.IPv6Network):
        raise RefusedError(f"{name} is no address in the index, and IPv6 has many spellings")
    value = spelt(network)
    return {"regexp": {f"{name}.cased": {"value": value, "flags": "NONE"}}}


def _compare(name: str, order: str, number: int | float, source: Source) -> Query:
    if "number" in source.extras(name):
        return {"range": {f"{name}.number": {order: number}}}
    return _script(scripts.COMPARE, field=name, order=order, number=float(number))


def _reference(name: str, other: str, how: str, source: Source) -> Query:
    return _any(
        [
            _script(scripts.REFERENCE, field=name, other=target, how=how)
            for target in source.resolve(other)
        ]
    )


def _time_part(name: str, part: str, number: int, source: Source) -> Query:
    if name == TIMESTAMP:
        return _script(scripts.TIME_PART, field=name, part=part, number=number)
    if "date" in source.extras(name):
        return _script(scripts.TIME_PART, field=f"{name}.date", part=part, number=number)
    raise RefusedError(f"{name} is no time in the index, so it has no {part}")


def _script(text: str, **parameters: Any) -> Query:
    return {"script": {"script": {"lang": "painless", "source": text, "params": parameters}}}


def _measure(made: Query) -> tuple[int, int]:
    """The number of clauses and the depth of bools."""
    clauses, deepest = 0, 0
    pending = [(made, 0)]
    while pending:
        node, depth = pending.pop()
        inner = node.get("bool")
        if inner is None:
            clauses += 1
            continue
        deepest = max(deepest, depth + 1)
        for part in ("filter", "should", "must_not"):
            pending.extend((item, depth + 1) for item in inner.get(part, ()))
    return clauses, deepest

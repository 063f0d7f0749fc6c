"""The `related:` part of a check → Relations; the search itself is the scan's."""

from __future__ import annotations

from collections.abc import Mapping

from assay.engine.catalogue.controls import JOINS, SCOPES, Relation
from assay.engine.catalogue.document import Node
from assay.engine.catalogue.paths import Steps
from assay.engine.catalogue.reader import Reader

KEYS = ("kind", *JOINS, "on", "of", "or")


def read(node: Node | None, reader: Reader) -> tuple[Relation, ...]:
    """All relations of a check, in order; `of` may name only an earlier one."""
    found: list[Relation] = []
    for name, entry in reader.mapping(node, (), "`related`").items():
        relation = _relation(name, entry, {known.name for known in found}, reader)
        if relation is not None:
            found.append(relation)
    return tuple(found)


def _relation(name: str, node: Node, known: set[str], reader: Reader) -> Relation | None:
    entries = reader.mapping(node, KEYS, "a relation")
    kinds = reader.texts(entries.get("kind"), "`kind`")
    joins = [join for join in JOINS if join in entries]
    if not kinds or len(joins) != 1:
        help = f"give `kind` and one of: {', '.join(JOINS)}"
        reader.fail("control-relation", f"the relation `{name}` is not whole", node, help)
        return None
    join = joins[0]
    scope, paths = _target(join, entries, reader)
    source = reader.text(entries, "of", node, "")
    if source and source not in known:
        help = f"earlier relations: {', '.join(sorted(known)) or 'none'}"
        reader.fail("control-relation", f"no earlier relation `{source}`", entries["of"], help)
    return Relation(
        name=name,
        kinds=kinds,
        join=join,
        paths=paths,
        scope=scope,
        on=reader.text(entries, "on", node, ""),
        of=source,
        default=reader.text(entries, "or", node, ""),
    )


def _target(
    join: str, entries: Mapping[str, Node], reader: Reader
) -> tuple[str, tuple[Steps, ...]]:
    if join == "within":
        return reader.one_of(entries, "within", entries["within"], SCOPES), ()
    if join == "owns" and entries["owns"].value is True:
        return "", ()
    return "", reader.steps(entries[join], f"`{join}`")

"""One entry under `checks:` → a Check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.engine.catalogue import expressions, guards, relations
from assay.engine.catalogue.controls import (
    BUILT_IN_VIEWS,
    WHOLES,
    Check,
    Message,
    Param,
    Rules,
    View,
    is_kubernetes,
    is_terraform,
)
from assay.engine.catalogue.document import Node
from assay.engine.catalogue.expressions import Scope
from assay.engine.catalogue.paths import Steps
from assay.engine.catalogue.reader import Reader
from assay.engine.cel import Extension, Program, conjuncts
from assay.engine.errors import Text
from assay.engine.model import SOURCES

KEYS = (
    "for",
    "id",
    "sources",
    "expects",
    "when",
    "each",
    "variables",
    "related",
    "assert",
    "at",
    "message",
    "fix",
    "examples",
)


class Builder:
    """What all checks of one catalogue share: its views and the extension functions."""

    def __init__(self, views: Mapping[str, View], extensions: Sequence[Extension]) -> None:
        self.views = views
        self.extensions = extensions

    def build(
        self, node: Node, control: str, params: Sequence[Param], reader: Reader, default_fix: str
    ) -> Check | None:
        """The compiled check, or None with its problems noted."""
        before = len(reader.problems)
        entries = reader.mapping(node, KEYS, "a check")
        kinds = reader.texts(entries.get("for"), "`for`")
        if not kinds:
            if "for" not in entries:
                reader.fail("control-missing", "`for` is missing: a kind, kinds or a view", node)
            return None
        subject, view = self._subject(kinds, entries["for"], reader)
        each = reader.steps(entries.get("each"), "`each`")
        has_item = bool(each) or view in self.views or view in ("literal", "namespace", "job")
        scope = Scope(subject, has_item, self.extensions)
        scope.params = {param.name for param in params}
        related = relations.read(entries.get("related"), reader)
        # A relation that is wrong is declared all the same: one mistake, one problem.
        scope.related = {name for name, _ in _entries(entries.get("related"))}
        variables = self._variables(entries.get("variables"), scope, reader)
        when = _optional(entries, "when", scope, reader)
        if "assert" not in entries:
            reader.fail("control-missing", "`assert` is missing", node)
            return None
        text = entries["assert"].text(reader.file)
        assertion = scope.compile(text, reader)
        fallback = Message(("{address} does not meet the control",), "")
        said = (
            expressions.message(entries["message"], scope, reader)
            if "message" in entries
            else fallback
        )
        if not view:
            asked = [assertion, *(program for _, program in variables)]
            guards.check(kinds, when, [each for each in asked if each is not None], reader)
        sources = reader.texts(entries.get("sources"), "`sources`")
        for source in sources:
            if source not in SOURCES:
                help = f"one of: {', '.join(SOURCES)}"
                reader.fail("control-value", f"no source `{source}`", entries["sources"], help)
        fix = reader.text(entries, "fix", node, default_fix or "?")
        if len(reader.problems) > before or assertion is None or said is None:
            return None
        roots = (*subject, "item") if has_item else tuple(subject)
        rules = Rules(
            names=scope.names,
            when=when,
            assertion=assertion,
            each=each,
            at=reader.steps(entries.get("at"), "`at`"),
            message=said,
            variables=variables,
            related=related,
            conjuncts=_conjuncts(text, scope, roots, reader),
            reads=expressions.subject_reads(assertion, roots),
        )
        return Check(
            control=control,
            id=reader.text(entries, "id", node, ", ".join(kinds)),
            kinds=kinds,
            view=view,
            fix=fix,
            sources=frozenset(sources),
            expects=reader.text(entries, "expects", node, ""),
            rules=rules,
        )

    def _subject(
        self, kinds: Sequence[str], node: Node, reader: Reader
    ) -> tuple[Sequence[str], str]:
        """The names of what is judged, and the view's name ("" for plain kinds)."""
        if len(kinds) == 1:
            kind = kinds[0]
            if kind == "workload":
                return ("object", "pod", "containers"), kind
            if kind in BUILT_IN_VIEWS:
                return ("object" if kind == "namespace" else "resource",), kind
            if kind in self.views:
                owners = self.views[kind].parts
                kubernetes = all(is_kubernetes(owner) for owner in owners)
                return ("object" if kubernetes else "resource",), kind
            if kind in WHOLES or is_terraform(kind):
                return ("resource",), ""
            if is_kubernetes(kind):
                return ("object",), ""
            help = f"views: {', '.join((*BUILT_IN_VIEWS, *self.views))}"
            reader.fail("control-kind", f"`{kind}` is neither a kind nor a view", node, help)
            return ("resource",), ""
        if all(is_terraform(kind) for kind in kinds):
            return ("resource",), ""
        if not all(is_kubernetes(kind) for kind in kinds):
            help = "use a list of Terraform types, or of Kubernetes kinds, or one view"
            reader.fail("control-kind", "kinds of different sorts in one check", node, help)
        return ("object",), ""

    def _variables(
        self, node: Node | None, scope: Scope, reader: Reader
    ) -> tuple[tuple[str, Program], ...]:
        """Variables in order: a mapping, or a list of {name, expression}."""
        if node is None:
            return ()
        if isinstance(node.value, list):
            pairs = []
            for entry in node.value:
                fields = reader.mapping(entry, ("name", "expression"), "a variable")
                name = reader.text(fields, "name", entry)
                if name and "expression" in fields:
                    pairs.append((name, fields["expression"]))
        else:
            pairs = list(reader.mapping(node, (), "`variables`").items())
        found = []
        for name, expression in pairs:
            if name in expressions.RESERVED or not name.isidentifier():
                reader.fail("control-variable", f"no variable can be called `{name}`", expression)
                continue
            program = scope.compile(expression.text(reader.file), reader)
            scope.variables.add(name)
            if program is not None:
                found.append((name, program))
        return tuple(found)


def _entries(node: Node | None) -> list[tuple[str, Node]]:
    return [] if node is None else list(node.items())


def _optional(
    entries: Mapping[str, Node], key: str, scope: Scope, reader: Reader
) -> Program | None:
    node = entries.get(key)
    return None if node is None else scope.compile(node.text(reader.file), reader)


def _conjuncts(
    text: Text, scope: Scope, roots: Sequence[str], reader: Reader
) -> tuple[tuple[Program, tuple[Steps, ...]], ...]:
    """The operands of the assertion's top-level `&&` with what each reads."""
    spans = conjuncts(text)
    if len(spans) < 2:
        return ()
    found = []
    for start, end in spans:
        piece = Text(reader.file, text.text[start:end], [text.position(start)])
        program = scope.compile(piece, reader)
        if program is not None:
            found.append((program, expressions.subject_reads(program, roots)))
    return tuple(found)

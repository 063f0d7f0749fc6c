"""A check that joins objects → Rego v1 over Gatekeeper's inventory, or the reason why not.

Two shapes: some related object exists (that fits a condition), and none exists; alone, or joined to
conditions on the object itself by `&&`, `||` and `!`. What Rego leaves undefined is false there, so
every condition becomes a rule of its own, and is negated with `not`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from assay.engine.admission import inventory, names
from assay.engine.admission.convert import RefusedError
from assay.engine.admission.targets import Target, target
from assay.engine.catalogue.controls import Check, Control, Relation
from assay.engine.cel import Program, nodes

COMPARED = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
TEXTS = {"startsWith": "startswith", "endsWith": "endswith", "contains": "contains"}
MINE = "input.review.object"


class Audit(NamedTuple):
    """One check for Gatekeeper's audit.

    `synced` are the kinds whose objects it reads beside the one that is judged.
    """

    name: str
    control: Control
    check: Check
    targets: tuple[Target, ...]
    synced: tuple[tuple[str, str, str], ...]  # (group, version, kind)
    params: tuple[str, ...]
    rego: str


def convert(control: Control, check: Check) -> Audit:
    """The audit rule of a check with relations. Raises RefusedError."""
    if check.each or check.sources or check.expects:
        what = "`each`" if check.each else "`sources`" if check.sources else "`expects`"
        raise RefusedError(f"joins other objects, and has {what}")
    if check.view not in ("", "namespace", "workload"):
        raise RefusedError(f"joins other objects to the view `{check.view}`")
    return _Writer(control, check).audit()


class _Writer:
    def __init__(self, control: Control, check: Check) -> None:
        self.control = control
        self.check = check
        self.rules: list[str] = []
        self.params = {param.name: param.default for param in control.params}
        self.used: dict[str, None] = {}
        self.relations: Mapping[str, Relation] = {each.name: each for each in check.related}
        self.variables = dict(check.variables)
        self.count = 0

    def audit(self) -> Audit:
        check = self.check
        kinds = ("Namespace",) if check.view == "namespace" else inventory.judged(check)
        targets = []
        for kind in kinds:
            found = target(kind)
            if found is None:
                raise RefusedError(f"the plural of the custom kind {kind} is not known")
            targets.append(found)
        applies = "" if check.when is None else f"\t{self.rule(check.when.tree, {})}\n"
        passes = self.rule(check.assertion.tree, {})
        message = self.message()
        name = names.policy_name(self.control, check)
        package = names.template_kind(name).lower()
        violation = f'violation contains {{"msg": msg}} if {{\n{applies}\tnot {passes}\n'
        head = f"package {package}\n\n{violation}\tmsg := {message}\n}}\n"
        synced: set[tuple[str, str, str]] = set()
        for each in check.related:
            joined, kinds_read = inventory.related(each, tuple(targets), check)
            self.rules.append(joined)
            synced |= set(kinds_read)
        body = "\n".join([head, *self.rules])
        if "[address" in body or ", address" in body:
            body += f"\n{inventory.ADDRESS}"
        helpers = [held for word, held in inventory.HELPERS.items() if f"{word}(" in body]
        return Audit(
            name,
            self.control,
            check,
            tuple(targets),
            tuple(sorted(synced)),
            tuple(self.used),
            "\n".join([body, *helpers]).expandtabs(2),  # a tab has no place in a block of YAML
        )

    # -- conditions ----------------------------------------------------------------------------

    def rule(self, tree: Any, bound: dict[str, str]) -> str:
        """A call of a rule that holds where the expression is true."""
        given = sorted(set(bound.values()))
        self.count += 1
        name = f"holds_{self.count}"
        head = f"{name}({', '.join(given)})" if given else name
        number = len(self.rules)
        self.rules.append("")
        bodies = [self.body(part, bound) for part in _operands(tree, "||")]
        rules = [f"{head} if {{\n\t{body}\n}}\n" for body in bodies]
        self.rules[number] = "\n".join(rules)
        return head

    def body(self, tree: Any, bound: dict[str, str]) -> str:
        return "\n\t".join(self.line(part, bound) for part in _operands(tree, "&&"))

    def line(self, tree: Any, bound: dict[str, str]) -> str:
        """One condition as a line of a body."""
        if isinstance(tree, nodes.Call):
            if tree.name == "!" and tree.receiver is None:
                return f"not {self.rule(tree.args[0], bound)}"
            if tree.name in ("||", "&&"):
                return self.rule(tree, bound)
            if tree.name in COMPARED and tree.receiver is None:
                one, two = (self.value(part, bound) for part in tree.args)
                return f"{one} {COMPARED[tree.name]} {two}"
            if tree.name == "in" and tree.receiver is None:
                one, two = (self.value(part, bound) for part in tree.args)
                return f"{one} in {two}"
            if tree.name in TEXTS and tree.receiver is not None:
                one = self.value(tree.receiver, bound)
                return f"{TEXTS[tree.name]}({one}, {self.value(tree.args[0], bound)})"
            if tree.name == "orValue":
                return f"{self.value(tree, bound)} == true"
        if isinstance(tree, nodes.Select):
            if tree.test:
                path, owner = self.path(tree, bound)
                return f"{inventory.HAS}({owner}, {json.dumps(path)})"
            return f"{self.value(tree, bound)} == true"
        if isinstance(tree, nodes.Fold) and tree.macro in ("exists", "all"):
            return self.fold(tree, bound)
        if isinstance(tree, nodes.Literal) and isinstance(tree.value, bool):
            return "true" if tree.value else "false"
        raise self.refused(tree)

    def fold(self, tree: nodes.Fold, bound: dict[str, str]) -> str:
        if len(tree.names) != 1:
            raise self.refused(tree)
        self.count += 1
        name = f"each_{self.count}"
        inner = {**bound, tree.names[0]: name}
        condition = self.rule(tree.body[0], inner)
        listed = self.value(tree.range, bound)
        word = "some" if tree.macro == "exists" else "every"
        if word == "every":
            return f"every {name} in {listed} {{ {condition} }}"
        self.count += 1
        found = f"some_{self.count}"
        given = sorted(set(bound.values()))
        head = f"{found}({', '.join(given)})" if given else found
        self.rules.append(f"{head} if {{\n\tsome {name} in {listed}\n\t{condition}\n}}\n")
        return head

    # -- values --------------------------------------------------------------------------------

    def value(self, tree: Any, bound: dict[str, str]) -> str:
        if isinstance(tree, nodes.Literal):
            return json.dumps(tree.value, ensure_ascii=False)
        if isinstance(tree, nodes.ListNode) and not tree.optional:
            return f"[{', '.join(self.value(item, bound) for item in tree.items)}]"
        if isinstance(tree, nodes.MapNode) and not tree.entries:
            return "{}"
        if isinstance(tree, nodes.Ident):
            return self.name(tree.name, bound)
        if isinstance(tree, nodes.Select) and not tree.optional and not tree.test:
            return self.selected(tree, bound)
        if isinstance(tree, nodes.Call) and tree.name == "size" and len(tree.args) == 1:
            return f"count({self.value(tree.args[0], bound)})"
        if isinstance(tree, nodes.Call) and tree.name == "string" and len(tree.args) == 1:
            return f'sprintf("%v", [{self.value(tree.args[0], bound)}])'
        if isinstance(tree, nodes.Call) and tree.name == "orValue" and tree.receiver is not None:
            path, owner = self.path(tree.receiver, bound)
            default = self.value(tree.args[0], bound)
            return f"object.get({owner}, {json.dumps(path)}, {default})"
        raise self.refused(tree)

    def name(self, name: str, bound: dict[str, str]) -> str:
        if name in bound:
            return bound[name]
        if name == "object":
            return MINE
        if name == "address":
            return "address"
        raise RefusedError(f"joins other objects, and reads `{name}` as a whole")

    def selected(self, tree: nodes.Select, bound: dict[str, str]) -> str:
        owner = tree.operand.name if isinstance(tree.operand, nodes.Ident) else ""
        if owner and owner not in bound:
            if owner == "related" and tree.field in self.relations:
                return f"related_{tree.field}"
            if owner == "params" and tree.field in self.params:
                self.used[tree.field] = None
                default = json.dumps(self.params[tree.field], ensure_ascii=False)
                return f'object.get(input, ["parameters", {json.dumps(tree.field)}], {default})'
            if owner == "variables" and tree.field in self.variables:
                return self.value(self.variables[tree.field].tree, bound)
            if owner == "item" and self.check.view == "namespace":
                return f"{MINE}.metadata.name" if tree.field == "name" else "true"
        path, base = self.path(tree, bound)
        return "".join([base, *(f"[{json.dumps(step)}]" for step in path)])

    def path(self, tree: Any, bound: dict[str, str]) -> tuple[list[str], str]:
        """The fields below a value, and that value."""
        steps: list[str] = []
        while True:
            if isinstance(tree, nodes.Select):
                if isinstance(tree.operand, nodes.Ident):
                    owner = tree.operand.name
                    if owner in ("related", "params", "variables", "item", "pod", "containers"):
                        if owner == "pod":
                            raise RefusedError("joins other objects, and reads `pod`")
                        base = self.selected(tree, bound) if owner not in bound else ""
                        if base:
                            return steps[::-1], base
                steps.append(tree.field)
                tree = tree.operand
            elif isinstance(tree, nodes.Index) and isinstance(tree.key, nodes.Literal):
                steps.append(str(tree.key.value))
                tree = tree.operand
            else:
                return steps[::-1], self.value(tree, bound)

    def message(self) -> str:
        parts: list[str] = []
        values: list[str] = []
        for part in self.check.message.parts:
            if isinstance(part, Program):
                parts.append("%v")
                values.append(self.value(part.tree, {}))
            else:
                parts.append(part.replace("%", "%%"))
        text = json.dumps("".join(parts), ensure_ascii=False)
        return f"sprintf({text}, [{', '.join(values)}])"

    def refused(self, tree: Any) -> RefusedError:
        what = getattr(tree, "name", "") or getattr(tree, "macro", "") or type(tree).__name__
        return RefusedError(f"joins other objects in a way that Rego is not written for (`{what}`)")


def _operands(tree: Any, name: str) -> list[Any]:
    if isinstance(tree, nodes.Call) and tree.name == name and tree.receiver is None:
        return [inner for part in tree.args for inner in _operands(part, name)]
    return [tree]


Converter = Callable[[Control, Check], Audit]

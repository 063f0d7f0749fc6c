"""A check → expressions of Kubernetes' own admission policies, or the reason why it has none.

What the policy says must be what the scan says, so nothing is approximated: a check that reads
other objects, judges texts only, or calls a function that no API server has, is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.admission import names
from assay.engine.admission.rewriting import atom, literal, quoted, rewritten
from assay.engine.admission.targets import Target, target
from assay.engine.catalogue import paths
from assay.engine.catalogue.controls import (
    WHOLES,
    Catalogue,
    Check,
    Control,
    Param,
    is_kubernetes,
)
from assay.engine.catalogue.paths import Steps
from assay.engine.cel import Program, nodes
from assay.engine.cel.checker import check as checked
from assay.engine.judge.workloads import CONTAINER_LISTS, TEMPLATES

MINIMUM = (1, 30)  # ValidatingAdmissionPolicy v1; `.?` and `orValue` are older
# Maps of text to text, which `each` may walk as it walks lists.
MAPS = frozenset({"annotations", "binaryData", "data", "labels", "nodeSelector", "stringData"})


class Variable(NamedTuple):
    """A named expression that later ones read as `variables.<name>`."""

    name: str
    expression: str


class Policy(NamedTuple):
    """One check as an admission policy would say it.

    `subject` is how the expressions call the object. `variables` come in order, without those of
    parameters, which differ between the formats. `expression` is true where the object may pass.
    """

    name: str
    control: Control
    check: Check
    targets: tuple[Target, ...]
    params: tuple[tuple[str, Param], ...]
    variables: tuple[Variable, ...]
    expression: str
    message: str
    message_expression: str
    containers: bool
    kube_version: tuple[int, int]


class Refusal(NamedTuple):
    """A Kubernetes check that is not exported, and why."""

    control: str
    check: str
    reason: str


class RefusedError(Exception):
    """The check cannot be said in the policy's language."""


def convert(
    control: Control, check: Check, catalogue: Catalogue, subject: str = "object"
) -> Policy:
    """The policy of a check. Raises RefusedError."""
    refuse(check, catalogue)
    return _Converter(control, check, subject).policy()


def concerns(check: Check, catalogue: Catalogue) -> bool:
    """Whether a check judges objects of a cluster at all."""
    if check.view in ("workload", "namespace", "literal"):
        return True
    if check.view in catalogue.views:
        return any(is_kubernetes(kind) for kind in catalogue.views[check.view].parts)
    return not check.view and any(is_kubernetes(kind) for kind in check.kinds)


def refuse(check: Check, catalogue: Catalogue) -> None:
    """Raise RefusedError for what no policy about a single object can say."""
    if check.related:
        joined = ", ".join(sorted({kind for each in check.related for kind in each.kinds}))
        raise RefusedError(f"joins other objects ({joined}), which an admission policy cannot read")
    if check.view in ("namespace", "literal", "job") or set(check.kinds) & set(WHOLES):
        raise RefusedError(
            f"judges `{check.kinds[0]}`, which is no object that is sent to a server"
        )
    if check.view in catalogue.views:
        raise RefusedError(f"judges items of the view `{check.view}`")
    if check.sources and "cluster" not in check.sources:
        said = ", ".join(sorted(check.sources))
        raise RefusedError(f"judges what is written ({said}), not what is sent to a server")
    if check.expects:
        raise RefusedError(f"applies only where `{check.expects}` is expected to exist")


class _Converter:
    def __init__(self, control: Control, check: Check, subject: str) -> None:
        self.control = control
        self.check = check
        self.subject = subject
        self.targets = tuple(_targets(check))
        self.programs = dict(check.variables)
        self.inlined = frozenset(_inlined(check.variables))
        taken = {*names.GIVEN, *(param.name for param in control.params)}
        self.own = {name: names.free(name, taken) for name in self.programs}
        self.given = {
            param.name: names.free(param.name, set(names.GIVEN)) for param in control.params
        }
        self.used: set[str] = set()

    def policy(self) -> Policy:
        check, control = self.check, self.control
        depth, found = self._verdict()
        message = self._message()
        if check.each:
            expression = "size(variables.failed) == 0"
            said = f"variables.failed{'[0]' * depth}"
        else:
            expression, said = found, message
        body = [Variable(self.own[name], text) for name, text in self._variables()]
        tail = [Variable("failed", found)] if check.each else []
        variables = (*self._given(), *body, *tail)
        programs = [program for program in self._programs() if program is not None]
        return Policy(
            name=names.policy_name(control, check),
            control=control,
            check=check,
            targets=self.targets,
            params=tuple(
                (self.given[param.name], param)
                for param in control.params
                if f"params.{param.name}" in self.used
            ),
            variables=variables,
            expression=expression,
            message=f"{control.title} ({control.id})",
            message_expression=said,
            containers="containers" in self.used,
            kube_version=max([MINIMUM, *(program.kube_version for program in programs)]),
        )

    def _programs(self) -> Iterator[Program | None]:
        yield self.check.when
        yield self.check.assertion
        yield from self.programs.values()
        yield from (part for part in self.check.message.parts if isinstance(part, Program))

    # -- expressions ---------------------------------------------------------------------------

    def text(self, program: Program, start: int = 0, end: int | None = None) -> str:
        """A program's text with the names that the policy knows."""
        return rewritten(program.text.text, program.tree, self._rename, start, end)

    def atom(self, program: Program) -> str:
        """The same, to be put inside another expression."""
        return atom(self.text(program), program.tree)

    def _rename(self, name: str) -> str | None:
        owner, _, field = name.partition(".")
        if name.endswith("()"):
            called = name.removesuffix("()")
            if called in self.check.assertion.environment.extensions:
                raise RefusedError(f"calls `{called}`, which no API server has")
            return None
        if owner == "variables":
            if field in self.inlined:
                return self.atom(self.programs[field])
            if field in self.own:
                self.used.add(name)
                return f"variables.{self.own[field]}"
        if owner == "params" and field in self.given:
            self.used.add(name)
            return f"variables.{self.given[field]}"
        if owner in ("variables", "params"):
            raise (
                RefusedError(f"reads `{owner}` as a whole")
                if not field
                else RefusedError(f"reads `{name}`, which is not declared")
            )
        if not field and name in ("pod", "containers", "address"):
            self.used.add(name)
            return f"variables.{name}"
        if name == "object" and self.subject != "object":
            return self.subject
        return None

    def _failing(self) -> str:
        """True where the check's `when` holds and its assertion does not."""
        assertion = self.check.assertion
        tree = assertion.tree
        if isinstance(tree, nodes.Call) and tree.name == "!" and tree.receiver is None:
            inside = tree.args[0]
            failing = atom(self.text(assertion, inside.start, inside.end), inside)
        else:
            failing = f"!{self.atom(assertion)}"
        return failing if self.check.when is None else f"{self.atom(self.check.when)} && {failing}"

    def _verdict(self) -> tuple[int, str]:
        """How deep the lists of messages nest, and the list; or the verdict where there is none."""
        check = self.check
        if not check.each:
            assertion = self.text(check.assertion)
            if check.when is None:
                # An API server takes no verdict whose type it does not know.
                known = checked(check.assertion.tree, check.assertion.environment.types)
                wrapped = f"{atom(assertion, check.assertion.tree)} == true"
                return 0, assertion if known.type == "bool" else wrapped
            return 0, f"!{self.atom(check.when)} || {self.atom(check.assertion)}"
        failing, message = self._failing(), self._message()
        lists = [self._list(steps, failing, message) for steps in check.each]
        deepest = max(depth for depth, _ in lists)
        joined = []
        for depth, text in lists:
            for _ in range(deepest - depth):
                text = f"[{text}].filter(found, size(found) > 0)"
            joined.append(text)
        return deepest, " + ".join(joined)

    def _list(self, steps: Steps, failing: str, message: str) -> tuple[int, str]:
        """The messages of the elements that fail, in lists that nest as the path's `[]` do."""
        base, rest = self._base(steps)
        segments: list[list[str]] = [[]]
        for step in rest:
            if step == paths.EACH:
                segments.append([])
            else:
                segments[-1].append(step)
        if len(segments) == 1:
            raise RefusedError(f"`each: {'.'.join(steps)}` names no list")
        return len(segments) - 1, _nested(base, segments, 1, failing, message)

    def _base(self, steps: Steps) -> tuple[str, Steps]:
        workload = self.check.view == "workload"
        if workload and steps[0] in ("pod", "containers"):
            self.used.add(steps[0])
            return f"variables.{steps[0]}", steps[1:]
        return self.subject, steps[1:] if steps[0] == "object" else steps

    def _message(self) -> str:
        """The message as an expression: values as the scan would show them."""
        parts = [
            quoted(part) if isinstance(part, str) else self._shown(part)
            for part in self.check.message.parts
        ]
        return " + ".join(parts) or quoted("")

    def _shown(self, program: Program) -> str:
        tree = program.tree
        if isinstance(tree, nodes.Ident) and tree.name == "address":
            return self.text(program)
        chain = _chain(tree)
        if chain and chain[0] == "params":
            param = next((each for each in self.control.params if each.name == chain[1]), None)
            text = self.text(program)
            if param is not None and param.type == "list":
                return f'{text}.map(each, string(each)).join(", ")'
            return text if param is not None and param.type == "string" else f"string({text})"
        if chain and chain[0] != "variables":
            owner = self._rename(chain[0]) or chain[0]
            return f'string({owner}.?{".?".join(chain[1:])}.orValue("?"))'
        return f"string({self.text(program)})"

    # -- variables -----------------------------------------------------------------------------

    def _variables(self) -> Iterator[tuple[str, str]]:
        """The check's own variables that are used, in order, and those they use."""
        texts = {
            name: self.text(program)
            for name, program in self.programs.items()
            if name not in self.inlined
        }
        return ((name, text) for name, text in texts.items() if f"variables.{name}" in self.used)

    def _given(self) -> Iterator[Variable]:
        """What the view gives: the pod, its containers, the address that messages name."""
        if "containers" in self.used or "pod" in self.used:
            yield Variable("pod", _pod(self.targets, self.subject))
        if "containers" in self.used:
            lists = (f"variables.pod.spec.?{name}.orValue([])" for name in CONTAINER_LISTS)
            yield Variable("containers", " + ".join(lists))
        if "address" in self.used:
            yield Variable("address", _address(self.targets, self.subject))


def _targets(check: Check) -> Iterator[Target]:
    for kind in TEMPLATES if check.view == "workload" else check.kinds:
        found = target(kind)
        if found is None:
            raise RefusedError(f"the plural of the custom kind {kind} is not known")
        yield found


def _inlined(variables: Sequence[tuple[str, Program]]) -> Iterator[str]:
    """The variables that are put in place where they are read.

    Those that read the item, themselves or through others; and optional values, from which an API
    server's `variables` give nothing back (seen on 1.37).
    """
    found: set[str] = set()
    for name, program in variables:
        read = {path[:2] for path in program.reads}
        through = any(path[0] == "variables" and path[1:] and path[1] in found for path in read)
        of_item = any(path[0] == "item" for path in read) or through
        if of_item or checked(program.tree, program.environment.types).type.startswith("optional"):
            found.add(name)
            yield name


def _nested(base: str, segments: list[list[str]], level: int, failing: str, message: str) -> str:
    head, *rest = segments
    listed = _elements(base, head, level)
    if len(rest) == 1:
        tail = rest[0]
        if tail:
            held = f"each{level}{''.join(f'.{step}' for step in tail)}"
            guard = f"each{level}{''.join(f'.?{step}' for step in tail)}.hasValue()"
            listed = f"{listed}.map(each{level}, {guard}, {held})"
        return f"{listed}.map(item, {failing}, {message})"
    inside = _nested(f"each{level}", rest, level + 1, failing, message)
    return f"{listed}.map(each{level}, {inside}).filter(found, size(found) > 0)"


def _elements(base: str, steps: list[str], level: int) -> str:
    """The list at the end of some optional fields; the values of a map of texts."""
    if not steps:
        return base
    for step in steps:
        if not step.isidentifier():
            raise RefusedError(f"`each` goes through `{step}`, which is no plain field")
    chain = f"{base}.?{'.?'.join(steps)}"
    if steps[-1] in MAPS:
        held = f"{chain}.orValue({{}})"
        return f"{held}.map(key{level}, {held}[key{level}])"
    return f"{chain}.orValue([])"


def _chain(node: Any) -> list[str]:
    """`a.b.c` as its steps; nothing for any other expression."""
    steps: list[str] = []
    while isinstance(node, nodes.Select) and not node.test and not node.optional:
        steps.append(node.field)
        node = node.operand
    if not steps or not isinstance(node, nodes.Ident):
        return []
    return [node.name, *reversed(steps)]


def _pod(targets: Sequence[Target], subject: str) -> str:
    """Metadata and spec of the pod template of any of the kinds."""
    by_path: dict[tuple[str | int, ...], list[str]] = {}
    for each in targets:
        by_path.setdefault(each.template or (), []).append(each.name)
    common = max(by_path, key=lambda path: len(by_path[path]))
    chosen = _optional(subject, common)
    for path, kinds in by_path.items():
        if path != common:
            test = f"{subject}.kind in [{', '.join(map(quoted, kinds))}]"
            if len(kinds) == 1:
                test = f"{subject}.kind == {quoted(kinds[0])}"
            chosen = f"{test} ? {_optional(subject, path)} : {chosen}"
    return (
        f"[{chosen}].map(template, "
        '{"metadata": template.?metadata.orValue({}), "spec": template.?spec.orValue({})})[0]'
    )


def _optional(subject: str, path: Sequence[str | int]) -> str:
    if not path:
        return subject
    return f"{subject}.?{'.?'.join(map(str, path))}.orValue({{}})"


def _address(targets: Sequence[Target], subject: str) -> str:
    """`group/Kind/namespace/name`, as the scan writes it."""
    if len(targets) == 1:
        group = f"{targets[0].group}/" if targets[0].group else ""
        kind = quoted(f"{group}{targets[0].name}/")
    elif not any(each.group for each in targets):
        kind = f'{subject}.kind + "/"'
    else:
        groups = f'{subject}.apiVersion.contains("/") ? {subject}.apiVersion.split("/")[0] + "/"'
        kind = f'({groups} : "") + {subject}.kind + "/"'
    scopes = {each.namespaced for each in targets}
    where = '"-"'
    if scopes == {True}:
        where = f'{subject}.metadata.?namespace.orValue("?")'
    elif True in scopes:
        where = f'{subject}.metadata.?namespace.orValue("-")'
    begins = f'{subject}.metadata.?generateName.orValue("?") + "*"'
    return f'{kind} + {where} + "/" + {subject}.metadata.?name.orValue({begins})'


def constants(params: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as literals, by name."""
    return {name: literal(value) for name, value in params.items()}

"""Tree → closures that give CEL's answer to the letter: errors absorbed, unknowns kept.

A closure takes the values of all variables by name. This is the long way: codegen.py makes the
short one, which is right wherever nothing fails and nothing is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from assay.engine.cel import nodes, unknowns
from assay.engine.cel import operations as op
from assay.engine.cel.bounds import StepsError
from assay.engine.cel.dispatch import RAISED, dispatch
from assay.engine.cel.functions import Overload, fits, table
from assay.engine.cel.library.values import kind
from assay.engine.cel.macros import fold
from assay.engine.cel.values import DOTTED_TYPES, TYPE_NAMES, CelError, CelType, Optional
from assay.engine.model import Unknown

Env = dict[str, Any]
Run = Callable[[Env], Any]
OPERATORS: dict[str, Callable[..., Any]] = {
    "==": unknowns.equal,
    "!=": unknowns.differ,
    "<": unknowns.ordering("<"),
    "<=": unknowns.ordering("<="),
    ">": unknowns.ordering(">"),
    ">=": unknowns.ordering(">="),
    "in": op.contains,
    "!": op.negate,
    "neg": op.minus,
    "dyn": lambda value: value,
    "type": lambda value: CelType(kind(value)),
    **{word: op.arithmetic_of(word) for word in "+-*/%"},
}
# Operators that look at unknowns themselves; every other call gives its first unknown back.
LAZY = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "dyn"})
REFUSED = {
    "authorizer": "`authorizer` asks the API server who is asking, which a scan cannot know",
    "math": "the Kubernetes dialect has no math functions",
    "cel": "the Kubernetes dialect has no cel.bind",
}


class Fault(NamedTuple):
    """Something that the checker refuses, at text[start:end]."""

    code: str
    message: str
    start: int
    end: int
    help: str = ""


class Compiler:
    """Compiles nodes; what is wrong with them is gathered in `faults`."""

    def __init__(self, extensions: Mapping[str, Any], declared: Sequence[str]) -> None:
        self.extensions = extensions
        self.declared = frozenset(declared)
        self.faults: list[Fault] = []
        self.since = (1, 23)

    def fault(self, code: str, message: str, node: Any, help: str = "") -> Run:
        """Note a fault; the closure is never run."""
        self.faults.append(Fault(code, message, node.start, node.end, help))
        return lambda _: None

    def compile(self, node: Any, bound: frozenset[str] = frozenset()) -> Run:
        """The closure of a node; an error that it raises gets the node's place."""
        run: Run = getattr(self, f"_{type(node).__name__.lower()}")(node, bound)
        at = (node.start, node.end)

        def placed(env: Env) -> Any:
            try:
                return run(env)
            except CelError as error:
                if error.at is None:
                    error.at = at
                raise

        return placed

    def _literal(self, node: nodes.Literal, _: frozenset[str]) -> Run:
        value = node.value
        return lambda _: value

    def _ident(self, node: nodes.Ident, bound: frozenset[str]) -> Run:
        name = node.name
        if name in bound or name in self.declared:
            return lambda env: env[name]
        if name in TYPE_NAMES:
            type = CelType(name)
            return lambda _: type
        if name in REFUSED:
            return self.fault("cel-refused", REFUSED[name], node)
        near = get_close_matches(name, [*self.declared, *bound], 1)
        help = f"did you mean `{near[0]}`?" if near else f"declared: {_listed(self.declared)}"
        return self.fault("cel-undeclared", f"`{name}` is not declared", node, help)

    def _select(self, node: nodes.Select, bound: frozenset[str]) -> Run:
        name = nodes.dotted(node)
        if name in DOTTED_TYPES and name.partition(".")[0] not in bound | self.declared:
            type = CelType(name)
            return lambda _: type
        operand, field = self.compile(node.operand, bound), node.field
        if node.test:
            return lambda env: op.has(operand(env), field)
        if node.optional:
            return lambda env: op.maybe(operand(env), field)
        return lambda env: op.select(operand(env), field)

    def _index(self, node: nodes.Index, bound: frozenset[str]) -> Run:
        operand, key = self.compile(node.operand, bound), self.compile(node.key, bound)
        look = op.maybe if node.optional else op.index
        return lambda env: look(operand(env), key(env))

    def _listnode(self, node: nodes.ListNode, bound: frozenset[str]) -> Run:
        items = [
            (self.compile(item, bound), n in node.optional) for n, item in enumerate(node.items)
        ]
        self._one_type(node, node.items)

        def build(env: Env) -> list[Any]:
            found = []
            for item, optional in items:
                value = item(env)
                if not optional:
                    found.append(value)
                elif not isinstance(value, Optional):
                    raise CelError("an element after `?` must be optional")
                elif value.present:
                    found.append(value.value)
            return found

        return build

    def _one_type(self, node: Any, items: Sequence[Any]) -> None:
        """Elements of a literal have one type, where their types are plain to see."""
        kinds = {
            found for item in items if (found := static_kind(item)) not in ("dyn", "null_type")
        }
        if len(kinds) > 1:
            message = f"a list or map holds one type, not {_listed(kinds)}"
            self.fault("cel-type", message, node, "wrap an element in dyn() to mix types")

    def _mapnode(self, node: nodes.MapNode, bound: frozenset[str]) -> Run:
        self._one_type(node, [key for key, _, _ in node.entries])
        self._one_type(node, [value for _, value, _ in node.entries])
        entries = [
            (self.compile(key, bound), self.compile(value, bound), optional)
            for key, value, optional in node.entries
        ]

        def build(env: Env) -> Any:
            found: dict[Any, Any] = {}
            for key, value, optional in entries:
                name, given = key(env), value(env)
                if isinstance(name, Unknown):
                    return name
                if optional:
                    if not isinstance(given, Optional):
                        raise CelError("a value after `?` must be optional")
                    if not given.present:
                        continue
                    given = given.value
                found[name] = given  # the last of two equal keys counts, as in cel-go
            return found

        return build

    def _fold(self, node: nodes.Fold, bound: frozenset[str]) -> Run:
        inner = bound | set(node.names)
        if (
            node.macro in ("transformList", "transformMap", "transformMapEntry")
            or len(node.names) > 1
        ):
            self.since = max(self.since, (1, 33))
        range_ = self.compile(node.range, bound)
        body = [self.compile(part, inner) for part in node.body]
        return fold(node.macro, range_, node.names, body, bool(bound))

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, node: nodes.Call, bound: frozenset[str]) -> Run:
        if node.receiver is None and node.name in ("&&", "||"):
            parts = [self.compile(part, bound) for part in node.args]
            for part in node.args:
                if static_kind(part) not in ("dyn", "bool"):
                    self.fault("cel-type", f"an operand of {node.name} must be bool", part)
            return unknowns.logic(parts, node.name == "||")
        if node.receiver is None and node.name == "?:":
            return unknowns.choice(*(self.compile(part, bound) for part in node.args))
        qualified = self._qualified(node, bound)
        if qualified is not None:
            return qualified
        args = [self.compile(part, bound) for part in node.args]
        if node.receiver is None:
            return self._plain(node, args)
        receiver = self.compile(node.receiver, bound)
        if node.name in unknowns.OPTIONAL_METHODS and len(args) <= 1:
            self.since = max(self.since, (1, 29))
            return unknowns.optional_method(node.name, receiver, args)
        return self._overloaded(node, (node.name, True), [receiver, *args])

    def _qualified(self, node: nodes.Call, bound: frozenset[str]) -> Run | None:
        """A function with a dotted name, such as `ip.isCanonical` or `parse.json`."""
        full = qualified_name(node)
        if full is None or full.partition(".")[0] in bound | self.declared:
            return None
        extension = self.extensions.get(full)
        if extension is not None:
            args = [self.compile(part, bound) for part in node.args]
            if len(args) != len(extension.parameters):
                wanted = len(extension.parameters)
                return self.fault("cel-arity", f"{full}() takes {wanted} arguments", node)
            return strict(extension.function, args, extension.lazy)
        if "." not in full:
            return None
        if (full, False) in table():
            return self._overloaded(
                node, (full, False), [self.compile(a, bound) for a in node.args]
            )
        root = full.partition(".")[0]
        if root in REFUSED:
            return self.fault("cel-refused", REFUSED[root], node)
        known = [name for name, _ in table() if "." in name] + list(self.extensions)
        near = get_close_matches(full, known, 1)
        if near and root in {name.partition(".")[0] for name in known}:
            return self.fault(
                "cel-function", f"no function `{full}`", node, f"did you mean `{near[0]}`?"
            )
        return None

    def _plain(self, node: nodes.Call, args: list[Run]) -> Run:
        if node.name in OPERATORS:
            wanted = 1 if node.name in ("!", "neg", "dyn", "type") else 2
            if len(args) != wanted:
                return self.fault("cel-arity", f"`{node.name}` takes {wanted} arguments", node)
            self._operands(node)
            return strict(OPERATORS[node.name], args, node.name in LAZY)
        return self._overloaded(node, (node.name, False), args)

    def _operands(self, node: nodes.Call) -> None:
        """Operands whose types are plain to see and never fit."""
        if node.name not in ("==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"):
            return
        kinds = [static_kind(part) for part in node.args]
        if "dyn" in kinds or len(set(kinds)) == 1:
            return
        if node.name in ("==", "!=") and "null_type" in kinds:
            return
        if node.name in ("+", "-") and any("protobuf" in kind for kind in kinds):
            return
        if node.name[0] in "<>" and set(kinds) <= {"int", "uint", "double"}:
            return
        message = f"no `{node.name}` between {kinds[0]} and {kinds[-1]}"
        self.fault("cel-type", message, node, "wrap an operand in dyn() to compare across types")

    def _overloaded(self, node: nodes.Call, key: tuple[str, bool], args: list[Run]) -> Run:
        forms = table().get(key, ())
        method = key[1]
        if not forms:
            names = [name for name, of in table() if of == method]
            near = get_close_matches(node.name, names, 1)
            help = f"did you mean `{near[0]}`?" if near else ""
            return self.fault("cel-function", f"no function `{node.name}`", node, help)
        count = len(args) - method
        forms = tuple(form for form in forms if len(form.parameters) == count)
        if not forms:
            return self.fault("cel-arity", f"`{node.name}` does not take {count} arguments", node)
        parts = (*((node.receiver,) if method else ()), *node.args)
        kinds = [static_kind(part) for part in parts]
        possible = tuple(form for form in forms if _possible(form, kinds))
        if not possible:
            said = ", ".join(kinds)
            return self.fault("cel-type", f"`{node.name}` does not take ({said})", node)
        self.since = max(self.since, min(form.since for form in possible))
        self._folded(node, possible, parts)
        lazy = unknowns.LOOKING.get(node.name) if method else None
        run = dispatch(node.name, possible)
        if key[0] == "size":
            return unknowns.sized(args[0], run)
        return strict(unknowns.either(lazy, run) if lazy else run, args, lazy is not None)

    def _folded(
        self, node: nodes.Call, forms: tuple[Overload, ...], parts: tuple[Any, ...]
    ) -> None:
        """A call of constants alone is evaluated at creation, so its error is one then."""
        constants = [part for part in parts if isinstance(part, nodes.Literal)]
        pattern = node.name in ("matches", "find", "findAll") and parts[1:2]
        if pattern and isinstance(parts[1], nodes.Literal) and isinstance(parts[1].value, str):
            try:
                dispatch(node.name, forms)(
                    "", *(part.value for part in constants if part in parts[1:])
                )
            except CelError as error:
                self.fault("cel-regex", error.message, parts[1])
        elif len(constants) == len(parts) and parts:
            try:
                dispatch(node.name, forms)(*(part.value for part in constants))
            except CelError as error:
                self.fault("cel-constant", error.message, node)


def _possible(form: Overload, kinds: Sequence[str]) -> bool:
    types = (*((form.receiver,) if form.receiver is not None else ()), *form.parameters)
    return all(
        found == "dyn" or fits(type, found) for type, found in zip(types, kinds, strict=True)
    )


def strict(function: Callable[..., Any], args: list[Run], lazy: bool) -> Run:
    """A call whose arguments are all evaluated; an unknown among them wins over an error."""

    def call(env: Env) -> Any:
        values: list[Any] = []
        error: CelError | None = None
        unknown: Unknown | None = None
        for arg in args:
            try:
                value = arg(env)
            except StepsError:
                raise
            except CelError as raised:
                error = error or raised
                continue
            if unknown is None and isinstance(value, Unknown):
                unknown = value
            values.append(value)
        if unknown is not None and (error is not None or not lazy):
            return unknown
        if error is not None:
            raise error
        try:
            return function(*values)
        except CelError:
            raise
        except RAISED as raised_by:
            raise CelError(f"no such overload: {raised_by}") from None

    return call


def static_kind(node: Any) -> str:
    """The type of a node where it is plain to see, else dyn."""
    if isinstance(node, nodes.Literal):
        return kind(node.value)
    if isinstance(node, nodes.ListNode):
        return "list"
    if isinstance(node, nodes.MapNode):
        return "map"
    if isinstance(node, nodes.Select) and node.test:
        return "bool"
    if isinstance(node, nodes.Fold):
        return {"all": "bool", "exists": "bool", "exists_one": "bool", "transformMap": "map"}.get(
            node.macro, "list"
        )
    if isinstance(node, nodes.Call):
        return _call_kind(node)
    return "dyn"


def _call_kind(node: nodes.Call) -> str:
    if node.receiver is None and node.name in (
        "&&",
        "||",
        "!",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
    ):
        return "bool"
    if node.receiver is None and node.name in ("+", "-", "*", "/", "%", "neg"):
        kinds = {static_kind(part) for part in node.args}
        return kinds.pop() if len(kinds) == 1 else "dyn"
    if node.name in OPERATORS or node.name == "?:":
        return "dyn"
    full = qualified_name(node) or node.name
    forms = table().get((full, False), ()) if node.receiver is None or "." in full else ()
    forms = forms or table().get((node.name, node.receiver is not None), ())
    results = {form.result.partition("(")[0] for form in forms}
    if len(results) == 1:
        found = results.pop()
        return "dyn" if len(found) == 1 else found
    return "dyn"


def qualified_name(node: nodes.Call) -> str | None:
    """`a.b.f` for the call a.b.f(…) of plain names; the name alone for f(…)."""
    parts = [node.name]
    at = node.receiver
    while isinstance(at, nodes.Select) and not at.test and not at.optional:
        parts.append(at.field)
        at = at.operand
    if at is None:
        return node.name
    if not isinstance(at, nodes.Ident):
        return None
    return ".".join([at.name, *reversed(parts)])


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "nothing"

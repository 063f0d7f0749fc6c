"""A tree → its static type, and what an API server would refuse it for.

The rules are those of cel-go's checker with the validators that Kubernetes turns on: literals of
one kind, known names and overloads, constants that convert, patterns and formats that are valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.cel import nodes
from assay.engine.cel.functions import Overload, table
from assay.engine.cel.library import formatting, regex
from assay.engine.cel.library.values import kind
from assay.engine.cel.operators import GLOBALS, METHODS, OPERATORS, Form
from assay.engine.cel.types import BOOL, DYN, INT, Solver, Type, parse, show
from assay.engine.cel.values import DOTTED_TYPES, TYPE_NAMES

KUBERNETES = (1, 37)
MAX_FAULTS = 100
OPTIONALS, TWO_VARIABLES = (1, 29), (1, 33)  # the versions that brought them
KNOWN_TYPES = frozenset(TYPE_NAMES) | DOTTED_TYPES
CONVERSIONS = frozenset(
    {"bool", "bytes", "double", "duration", "int", "string", "timestamp", "uint"}
)
OPTIONAL_FUNCTIONS = frozenset({"or", "orValue", "hasValue", "value"})
PATTERNS = frozenset({"matches", "find", "findAll"})
_NONE = object()  # no constant


class Fault(NamedTuple):
    """What is wrong at text[start:end]; `code` is stable."""

    start: int
    end: int
    code: str
    message: str


class Checked(NamedTuple):
    """The type of the whole expression, and its faults by place."""

    type: str
    faults: tuple[Fault, ...]
    kube_version: tuple[int, int]


def check(
    tree: Any,
    variables: Mapping[str, str | None],
    extensions: Sequence[Any] = (),
    kube_version: tuple[int, int] | None = None,
) -> Checked:
    """Check an expression over variables of the given types (None: any)."""
    checker = _Checker(variables, extensions, kube_version or KUBERNETES)
    found = checker.type_of(tree)
    checker.judge_literals()
    faults = sorted(set(checker.faults))[:MAX_FAULTS]
    return Checked(show(checker.solver.resolve(found, True)), tuple(faults), checker.needed)


class _Checker:
    def __init__(
        self,
        variables: Mapping[str, str | None],
        extensions: Sequence[Any],
        kube_version: tuple[int, int],
    ) -> None:
        self.solver = Solver()
        self.scopes = [{name: parse(type or "dyn") for name, type in variables.items()}]
        self.extensions = {extension.name: extension for extension in extensions}
        self.version = kube_version
        self.needed = (1, 23)
        self.faults: list[Fault] = []
        self.literals: list[tuple[list[tuple[Any, Type]], str]] = []
        self.types: dict[int, Type] = {}
        self.exempt = 0  # inside the arguments of format() literals may mix types

    def fault(self, node: Any, code: str, message: str, start: int | None = None) -> Type:
        self.faults.append(Fault(node.start if start is None else start, node.end, code, message))
        return DYN

    def type_of(self, node: Any) -> Type:
        found: Type = _RULES[type(node)](self, node)
        self.types[id(node)] = found
        return found

    def literal(self, node: nodes.Literal) -> Type:
        return (kind(node.value),)

    def ident(self, node: nodes.Ident) -> Type:
        found = self.look_up(node.name)
        if found is not None:
            return found
        if node.name in KNOWN_TYPES:
            return ("type", (node.name,))
        return self.fault(node, "cel-undeclared", f"there is no variable `{node.name}`")

    def look_up(self, name: str) -> Type | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def select(self, node: nodes.Select) -> Type:
        name = nodes.dotted(node)
        if name in KNOWN_TYPES and self.look_up(name.partition(".")[0]) is None:
            return ("type", (name,))
        found = self.solver.resolve(self.type_of(node.operand))
        inner = found[1] if found[0] == "optional_type" and len(found) == 2 else found
        if inner[0] == "map":
            result = inner[2]
        else:
            if inner[0] == "$":
                self.solver.assignable((DYN,), (inner,))
            elif inner != DYN:
                self.fault(node, "cel-type", f"a value of type {show(inner)} has no fields")
            result = DYN
        if node.test:
            return BOOL
        if node.optional:
            self.needed = max(self.needed, OPTIONALS)
        return ("optional_type", result) if inner is not found or node.optional else result

    def index(self, node: nodes.Index) -> Type:
        given = (self.type_of(node.operand), self.type_of(node.key))
        name = "[?]" if node.optional else "[]"
        if node.optional:
            self.needed = max(self.needed, OPTIONALS)
        return self.resolve(node, name, OPERATORS[name], given)

    def list_literal(self, node: nodes.ListNode) -> Type:
        elements: list[tuple[Any, Type]] = []
        joined: Type | None = None
        for number, item in enumerate(node.items):
            found = self.unwrapped(item, number in node.optional)
            elements.append((item, found))
            joined = found if joined is None else self.solver.join(joined, found)
        if not self.exempt:
            self.literals.append((elements, "element"))
        return ("list", self.solver.fresh() if joined is None else joined)

    def map_literal(self, node: nodes.MapNode) -> Type:
        keys: list[tuple[Any, Type]] = []
        values: list[tuple[Any, Type]] = []
        key_type: Type | None = None
        value_type: Type | None = None
        for key, value, optional in node.entries:
            found = self.type_of(key)
            keys.append((key, found))
            values.append((value, self.unwrapped(value, optional)))
            key_type = found if key_type is None else self.solver.join(key_type, found)
            last = values[-1][1]
            value_type = last if value_type is None else self.solver.join(value_type, last)
        if not self.exempt:
            self.literals += [(keys, "key"), (values, "value")]
        solver = self.solver
        return ("map", key_type or solver.fresh(), value_type or solver.fresh())

    def unwrapped(self, node: Any, optional: bool) -> Type:
        """The type of an element; that of `?x` is what the optional holds."""
        found = self.solver.resolve(self.type_of(node))
        if optional:
            self.needed = max(self.needed, OPTIONALS)
        if not optional or found == DYN:
            return found
        if found[0] == "optional_type" and len(found) == 2:
            inner: Type = found[1]
            return inner
        return self.fault(node, "cel-type", f"`?` takes an optional value, not {show(found)}")

    def judge_literals(self) -> None:
        """Refuse lists and maps whose members differ in type, as Kubernetes does."""
        for members, what in self.literals:
            types = [self.solver.resolve(type, True) for _, type in members]
            for (node, _), found in zip(members, types, strict=True):
                if found != types[0]:
                    message = f"expected type {show(types[0])} for this {what}, not {show(found)}"
                    self.fault(node, "cel-literal", message)
                    break

    def call(self, node: nodes.Call) -> Type:
        if node.name in ("&&", "||"):
            for argument in node.args:
                self.expect_bool(argument)
            return BOOL
        dotted = nodes.dotted(node.receiver) if node.receiver is not None else ""
        full = f"{dotted}.{node.name}"
        if dotted and self.known(full, False):
            return self.function(node, full, ())
        if node.receiver is None:
            return self.function(node, node.name, ())
        if not self.known(node.name, True) and dotted and self.look_up(_root(dotted)) is None:
            message = f"there is no function `{full}`"
            return self.fault(node, "cel-undeclared", message)
        return self.function(node, node.name, (node.receiver,))

    def known(self, name: str, method: bool) -> bool:
        extra = METHODS if method else GLOBALS
        return (
            (name, method) in table() or name in extra or (not method and name in self.extensions)
        )

    def function(self, node: nodes.Call, name: str, receiver: tuple[Any, ...]) -> Type:
        self.exempt += name == "format"
        given = tuple(self.type_of(argument) for argument in (*receiver, *node.args))
        self.exempt -= name == "format"
        forms = self.forms(node, name, bool(receiver))
        if forms is None:
            return DYN
        found = self.resolve(node, name, forms, given)
        self.constants(node, name, receiver)
        return found

    def forms(self, node: nodes.Call, name: str, method: bool) -> Sequence[Form] | None:
        """The forms of a function, or None with the fault that there is none."""
        if not method and name in OPERATORS:
            return OPERATORS[name]
        extra = METHODS if method else GLOBALS
        forms: list[Form] = list(extra.get(name, ()))
        if forms and name in OPTIONAL_FUNCTIONS:
            self.needed = max(self.needed, OPTIONALS)
        if not method and name in self.extensions:
            extension = self.extensions[name]
            forms.append((tuple(map(parse, extension.parameters)), parse(extension.result)))
        overloads: Sequence[Overload] = table().get((name, method), ())
        usable = [overload for overload in overloads if overload.since <= self.version]
        for overload in usable:
            types = (*([overload.receiver] if overload.receiver else []), *overload.parameters)
            forms.append((tuple(map(parse, types)), parse(overload.result)))
        if forms:
            if usable:
                self.needed = max(self.needed, min(overload.since for overload in usable))
            return forms
        if overloads:
            since = ".".join(map(str, min(overload.since for overload in overloads)))
            message = f"`{name}` needs Kubernetes {since}"
            self.fault(node, "cel-version", message, node.at)
        else:
            self.fault(node, "cel-undeclared", f"there is no function `{name}`", node.at)
        return None

    def resolve(self, node: Any, name: str, forms: Sequence[Form], given: tuple[Type, ...]) -> Type:
        """The result type of the forms that fit; dyn where those that fit differ."""
        result: Type | None = None
        for parameters, gives in forms:
            names: dict[str, Type] = {}
            wanted = tuple(self.solver.instantiate(one, names) for one in parameters)
            if not self.solver.assignable(given, wanted):
                continue
            found = self.solver.resolve(self.solver.instantiate(gives, names))
            result = found if result is None or result == found else DYN
        if result is None:
            shown = ", ".join(show(self.solver.resolve(one, True)) for one in given)
            message = f"`{name}` does not take ({shown})"
            return self.fault(node, "cel-overload", message, getattr(node, "at", None))
        return result

    def expect_bool(self, node: Any) -> None:
        found = self.type_of(node)
        if not self.solver.assignable((found,), (BOOL,)):
            shown = show(self.solver.resolve(found, True))
            self.fault(node, "cel-type", f"expected a bool, not {shown}")

    def fold(self, node: nodes.Fold) -> Type:
        ranged = self.solver.resolve(self.type_of(node.range))
        if node.macro in ("optMap", "optFlatMap"):
            return self.optional_fold(node, ranged)
        element, key = self.element(node, ranged)
        two = len(node.names) == 2
        if two or node.macro.startswith("transform"):
            self.needed = max(self.needed, TWO_VARIABLES)
        types = (INT if ranged[0] == "list" else key, element) if two else (key,)
        if not two and ranged[0] == "list":
            types = (element,)
        self.scopes.append(dict(zip(node.names, types, strict=True)))
        result = self.folded(node, ranged, types[0])
        self.scopes.pop()
        return result

    def element(self, node: nodes.Fold, ranged: Type) -> tuple[Type, Type]:
        """The types of a range's values and keys."""
        if ranged[0] == "list":
            return ranged[1], INT
        if ranged[0] == "map":
            return ranged[2], ranged[1]
        if ranged[0] == "$":
            self.solver.assignable((DYN,), (ranged,))
        elif ranged != DYN:
            message = f"`{node.macro}` goes over lists and maps, not {show(ranged)}"
            self.fault(node.range, "cel-type", message)
        return DYN, DYN

    def folded(self, node: nodes.Fold, ranged: Type, first: Type) -> Type:
        """The type of a comprehension, from that of its body."""
        *conditions, last = node.body
        if node.macro in ("all", "exists", "exists_one", "existsOne", "filter"):
            conditions = [last]
        for condition in conditions:
            self.expect_bool(condition)
        if node.macro in ("all", "exists", "exists_one", "existsOne"):
            return BOOL
        if node.macro == "filter":
            return ("list", first)
        found = self.type_of(last)
        if node.macro == "sortBy":
            forms = self.forms_of_sort()
            return self.resolve(node, "sortBy", forms, (ranged, ("list", found)))
        if node.macro == "transformMap":
            return ("map", first, found)
        if node.macro == "transformMapEntry":
            wanted = ("map", self.solver.fresh(), self.solver.fresh())
            if not self.solver.assignable((found,), (wanted,)):
                self.fault(last, "cel-type", f"expected a map, not {show(found)}")
            return self.solver.resolve(wanted)
        return ("list", found)

    def forms_of_sort(self) -> list[Form]:
        overloads = table()[("@sortByAssociatedKeys", True)]
        self.needed = max(self.needed, overloads[0].since)
        return [
            ((parse(str(one.receiver)), parse(one.parameters[0])), parse(one.result))
            for one in overloads
        ]

    def optional_fold(self, node: nodes.Fold, ranged: Type) -> Type:
        self.needed = max(self.needed, OPTIONALS)
        wanted = ("optional_type", self.solver.fresh())
        if not self.solver.assignable((ranged,), (wanted,)):
            message = f"`{node.macro}` takes an optional value, not {show(ranged)}"
            self.fault(node.range, "cel-type", message)
        self.scopes.append({node.names[0]: self.solver.resolve(wanted[1])})
        found = self.type_of(node.body[-1])
        self.scopes.pop()
        if node.macro == "optMap":
            return ("optional_type", found)
        if not self.solver.assignable((found,), (("optional_type", self.solver.fresh()),)):
            self.fault(node.body[-1], "cel-type", f"expected an optional, not {show(found)}")
        return self.solver.resolve(found)

    def constants(self, node: nodes.Call, name: str, receiver: tuple[Any, ...]) -> None:
        """Refuse what can only fail: constants that do not convert, bad patterns, bad formats."""
        arguments = (*receiver, *node.args)
        if name in CONVERSIONS and not receiver and len(arguments) == 1:
            try:
                _constant(node)
            except (ValueError, TypeError) as error:
                self.fault(node, "cel-constant", str(error))
        if name in PATTERNS and len(arguments) >= 2:
            pattern = arguments[1]
            if isinstance(pattern, nodes.Literal) and isinstance(pattern.value, str):
                try:
                    regex.compiled(pattern.value)
                except ValueError as error:
                    self.fault(pattern, "cel-regex", str(error))
        if name == "format" and receiver and len(node.args) == 1:
            self.format(receiver[0], node.args[0])

    def format(self, template: Any, values: Any) -> None:
        if not isinstance(template, nodes.Literal) or not isinstance(values, nodes.ListNode):
            return
        if isinstance(template.value, str):
            types = [self.formatted(item) for item in values.items]
            message = formatting.check(template.value, types)
            if message:
                self.fault(values, "cel-format", message)

    def formatted(self, node: Any) -> str:
        """The type name of an argument of format(): of the first inside it that has no text."""
        found = str(self.solver.resolve(self.types[id(node)], True)[0])
        inner: list[Any] = []
        if isinstance(node, nodes.ListNode):
            inner = list(node.items)
        elif isinstance(node, nodes.MapNode):
            inner = [part for key, value, _ in node.entries for part in (key, value)]
        for part in inner:
            name = self.formatted(part)
            if name != "dyn" and name not in formatting.TAKES["s"]:
                return name
        return found


def _root(dotted: str) -> str:
    return dotted.partition(".")[0]


def _constant(node: Any) -> Any:
    """The value of a constant conversion, else _NONE. Raises what the conversion raises."""
    if isinstance(node, nodes.Literal):
        return node.value
    if isinstance(node, nodes.ListNode) and not node.optional:
        values = [_constant(item) for item in node.items]
        return _NONE if any(value is _NONE for value in values) else values
    if not isinstance(node, nodes.Call) or node.receiver is not None or len(node.args) != 1:
        return _NONE
    value = _constant(node.args[0]) if node.name in CONVERSIONS or node.name == "dyn" else _NONE
    if value is _NONE or node.name == "dyn":
        return value
    for overload in table().get((node.name, False), ()):
        if overload.parameters == (kind(value),):
            return overload.function(value)
    raise TypeError(f"`{node.name}` does not take {kind(value)}")


_RULES: dict[type, Any] = {
    nodes.Literal: _Checker.literal,
    nodes.Ident: _Checker.ident,
    nodes.Select: _Checker.select,
    nodes.Index: _Checker.index,
    nodes.Call: _Checker.call,
    nodes.ListNode: _Checker.list_literal,
    nodes.MapNode: _Checker.map_literal,
    nodes.Fold: _Checker.fold,
}

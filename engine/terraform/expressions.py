"""Evaluation of expressions: node and scope in, value out (scopes.py has both ends)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.engine.terraform import operations
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.functions.registry import call
from assay.engine.terraform.operations import OperationError
from assay.engine.terraform.partial import cut, either_way, element_of, joined_text
from assay.engine.terraform.scopes import (
    Bound,
    ExpressionError,
    Scope,
    fail,
    item_of,
)
from assay.engine.terraform.syntax import (
    Binary,
    Call,
    Conditional,
    DottedKey,
    For,
    GetAttr,
    Index,
    Item,
    Joined,
    Literal,
    Node,
    Object,
    Parenthesised,
    Splat,
    Template,
    Traversal,
    Tuple,
    Unary,
    Wrapped,
)
from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    list_of,
    tuple_of,
)
from assay.engine.terraform.unification import unify
from assay.engine.terraform.values import (
    NO_MARKS,
    Unknown,
    Value,
    first_unknown,
    sorted_items,
    string,
    unknown_like,
)

MAX_ELEMENTS = 1_000_000  # of one `for`; Terraform would take them, and hours with them


def evaluate(node: Node, scope: Scope) -> Value:
    """The value of an expression. Raises ExpressionError."""
    try:
        return _EVALUATE[node.__class__](node, scope)
    except RecursionError:
        fail(node, "terraform-depth", "the expression refers too deep into other expressions")


# ---- evaluation by node ---------------------------------------------------------------------


def _literal(node: Literal, scope: Scope) -> Value:  # noqa: ARG001
    return node.value


def _dotted_key(node: DottedKey, scope: Scope) -> Value:  # noqa: ARG001
    help = "put a reference into parentheses, or a name with dots into quotes"
    fail(node, "terraform-syntax", "ambiguous key", help)


def _traversal(node: Traversal, scope: Scope) -> Value:
    value, used = scope.lookup(node)
    steps = node.steps
    if used < len(steps):
        try:
            for at in range(used, len(steps)):
                step = steps[at]
                if node.dots[at]:
                    value = operations.get_attr(value, step)  # type: ignore[arg-type]
                elif isinstance(step, int):
                    value = operations.get_index(value, Value(NUMBER, step))
                else:
                    value = operations.get_index(value, Value(STRING, step))
        except OperationError as error:
            fail(node, "terraform-reference", str(error))
    return value


def _get_attr(node: GetAttr, scope: Scope) -> Value:
    source = _EVALUATE[node.source.__class__](node.source, scope)
    try:
        return operations.get_attr(source, node.name)
    except OperationError as error:
        fail(node, "terraform-reference", str(error))


def _index(node: Index, scope: Scope) -> Value:
    source = _EVALUATE[node.source.__class__](node.source, scope)
    key = _EVALUATE[node.key.__class__](node.key, scope)
    try:
        found = operations.get_index(source, key)
        return found if found.known or source.known else element_of(source, key, found)
    except OperationError as error:
        fail(node, "terraform-index", str(error))


def _splat(node: Splat, scope: Scope) -> Value:
    source = _EVALUATE[node.source.__class__](node.source, scope)
    kind = source.kind
    upgrade = kind not in ("list", "set", "tuple")
    if source.v is None:
        if upgrade:
            return Value(None, [], source.marks)
        fail(node, "terraform-null", "a splat cannot be applied to a null sequence")
    if kind == "dynamic":
        return unknown_like(DYNAMIC, [source], source.marks)
    each = _EVALUATE[node.each.__class__]
    marks = source.marks
    if upgrade:
        could_be_null = not source.known and not source.v.not_null
        value = each(node.each, Bound(scope, {}, source))
        if could_be_null:
            return unknown_like(DYNAMIC, [source], marks)
        return Value(None, [value], marks)
    if not source.known:
        return _unknown_splat(node, scope, source)
    if len(source.v) > MAX_ELEMENTS:
        fail(node, "terraform-limit", f"more than {MAX_ELEMENTS} elements")
    values = [each(node.each, Bound(scope, {}, element)) for element in source.v]
    if kind == "tuple":
        return Value(None, values, marks)
    if not values:
        sample = each(node.each, Bound(scope, {}, Value(source.type.element, Unknown())))
        return Value(list_of(sample.type), [], marks)
    first = values[0].type
    if any(value.type != first for value in values):
        if all(value.type is DYNAMIC or not value.known for value in values):
            return unknown_like(DYNAMIC, values, marks)
        return Value(None, values, marks)
    return Value(list_of(first), values, marks)


def _unknown_splat(node: Splat, scope: Scope, source: Value) -> Value:
    info: Unknown = source.v
    each = _EVALUATE[node.each.__class__]
    type = source.type
    elements = type.elements if type.kind == "tuple" else (type.element,)
    found = [
        each(node.each, Bound(scope, {}, Value(element, Unknown(info.cause, info.origin)))).type
        for element in elements
    ]
    result = tuple_of(found) if type.kind == "tuple" else list_of(found[0])
    low, high = (info.low, info.high) if type.kind != "tuple" else (None, None)
    if type.kind == "set":
        low = info.low
    return Value(
        result,
        Unknown(info.cause, info.origin, not_null=info.not_null, low=low, high=high),
        source.marks,
    )


def _item(node: Item, scope: Scope) -> Value:  # noqa: ARG001
    return item_of(scope)


def _call(node: Call, scope: Scope) -> Value:
    found = call(node, scope, evaluate)
    if not found.known and node.name == "slice" and len(node.arguments) == 3 and not node.expand:
        return cut([evaluate(argument, scope) for argument in node.arguments], found)
    return found


_BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "==": operations.equal,
    "!=": operations.not_equal,
    "&&": operations.both,
    "||": operations.either,
}


def _binary(node: Binary, scope: Scope) -> Value:
    left = _EVALUATE[node.left.__class__](node.left, scope)
    right = _EVALUATE[node.right.__class__](node.right, scope)
    operator = node.operator
    try:
        simple = _BINARY.get(operator)
        if simple:
            return simple(left, right)
        if operator in ("<", "<=", ">", ">="):
            return operations.compare(operator, left, right)
        return operations.arithmetic(operator, left, right)
    except OperationError as error:
        fail(node, "terraform-operand", f"`{operator}`: {error}")


def _unary(node: Unary, scope: Scope) -> Value:
    value = _EVALUATE[node.operand.__class__](node.operand, scope)
    try:
        return operations.negate(value) if node.operator == "!" else operations.minus(value)
    except OperationError as error:
        fail(node, "terraform-operand", f"`{node.operator}`: {error}")


def _conditional(node: Conditional, scope: Scope) -> Value:
    """Both sides are evaluated, since the type of the result comes from both."""
    yes, yes_error = _attempt(node.yes, scope)
    no, no_error = _attempt(node.no, scope)
    type = _common_type(node, yes, no)
    condition = _EVALUATE[node.condition.__class__](node.condition, scope)
    if condition.v is None:
        fail(node.condition, "terraform-condition", "the condition is null")
    marks = condition.marks | yes.marks | no.marks
    if condition.v.__class__ is Unknown:
        if yes_error and no_error:
            raise yes_error
        return either_way(condition, yes, no, type, marks)
    try:
        chosen = convert(condition, BOOL).v
    except ConversionError:
        fail(node.condition, "terraform-condition", "the condition must be a bool")
    error = yes_error if chosen else no_error
    if error:
        raise error
    result = yes if chosen else no
    if result._type is not type and type is not DYNAMIC:
        try:
            result = convert(result, type)
        except ConversionError as failed:
            fail(node, "terraform-condition", f"the result has the wrong type: {failed}")
    return result.marked(marks) if marks else result


def _attempt(node: Node, scope: Scope) -> tuple[Value, ExpressionError | None]:
    try:
        return _EVALUATE[node.__class__](node, scope), None
    except ExpressionError as error:
        return Value(DYNAMIC, Unknown()), error


def _common_type(node: Conditional, yes: Value, no: Value) -> Any:
    if yes._type is not None and yes._type is no._type:
        return yes._type
    if yes.v is None and yes._type is DYNAMIC:
        return no.type
    if no.v is None and no._type is DYNAMIC:
        return yes.type
    yes_type, no_type = yes.type, no.type
    if yes_type is DYNAMIC or no_type is DYNAMIC:
        return DYNAMIC
    type = unify([yes_type, no_type])
    if type is None:
        fail(
            node,
            "terraform-condition",
            f"the two results have no common type: {yes_type} and {no_type}",
        )
    return type


def _tuple(node: Tuple, scope: Scope) -> Value:
    return Value(None, [_EVALUATE[part.__class__](part, scope) for part in node.elements])


def _object(node: Object, scope: Scope) -> Value:
    made: dict[str, Value] = {}
    marks = NO_MARKS
    unknown: Value | None = None
    for key_node, value_node in node.items:
        key = _EVALUATE[key_node.__class__](key_node, scope)
        value = _EVALUATE[value_node.__class__](value_node, scope)
        if key.v is None:
            fail(key_node, "terraform-key", "a null value cannot be used as a key")
        if key._type is not STRING:
            try:
                key = convert(key, STRING)
            except ConversionError as error:
                fail(key_node, "terraform-key", f"this cannot be used as a key: {error}")
        if key.marks:
            marks = marks | key.marks
        if key.v.__class__ is Unknown:
            unknown = unknown or key
            continue
        made[key.v] = value
    if unknown is not None:
        return unknown_like(DYNAMIC, [unknown], marks)
    return Value(None, made, marks)


def elements_of(value: Value) -> list[tuple[Value, Value]]:
    """The (key, element) pairs over which a `for` goes, for a known collection."""
    v = value.v
    if v.__class__ is dict:
        return [(string(name), element) for name, element in sorted_items(value)]
    if value.kind == "set":
        return [(element, element) for element in v]
    return [(Value(NUMBER, at), element) for at, element in enumerate(v)]


def _for(node: For, scope: Scope) -> Value:
    source = _EVALUATE[node.source.__class__](node.source, scope)
    if source.v is None:
        fail(node.source, "terraform-null", "a null value cannot be iterated over")
    kind = source.kind
    if kind in ("string", "number", "bool"):
        fail(node.source, "terraform-for", f"a {kind} cannot be iterated over")
    if not source.known:
        marks = source.marks
        return unknown_like(DYNAMIC, [source], marks)
    if len(source.v) > MAX_ELEMENTS:
        fail(node, "terraform-limit", f"more than {MAX_ELEMENTS} elements")
    return _ForRun(node, scope, source).result()


class _ForRun:
    """One run of a `for` over a known collection."""

    __slots__ = ("doubt", "marks", "node", "scope", "source")

    def __init__(self, node: For, scope: Scope, source: Value) -> None:
        self.node = node
        self.scope = scope
        self.source = source
        self.marks = source.marks
        self.doubt: Value | None = None

    def result(self) -> Value:
        node = self.node
        values: list[Value] = []
        items: dict[str, Value] = {}
        groups: dict[str, list[Value]] = {}
        names: dict[str, Value] = {}
        scope = Bound(self.scope, names)
        evaluate_value = _EVALUATE[node.value.__class__]
        for key, element in elements_of(self.source):
            names = {node.value_name: element}
            if node.key_name:
                names = {node.key_name: key, node.value_name: element}
            scope = Bound(self.scope, names)
            if node.condition is not None and not self._included(node.condition, scope):
                continue
            if node.key is None:
                values.append(evaluate_value(node.value, scope))
                continue
            name = self._key(node.key, scope)
            if name is None:
                continue
            value = evaluate_value(node.value, scope)
            if node.group:
                groups.setdefault(name, []).append(value)
            elif name in items:
                fail(
                    node.key,
                    "terraform-key",
                    f'two items have the key "{name}"',
                    "group them by `...` after the value",
                )
            else:
                items[name] = value
        if self.doubt is not None:
            return unknown_like(DYNAMIC, [self.doubt], self.marks)
        if node.key is None:
            return Value(None, values, self.marks)
        if node.group:
            items = {name: Value(None, group) for name, group in groups.items()}
        return Value(None, items, self.marks)

    def _included(self, condition: Node, scope: Scope) -> bool:
        found = _EVALUATE[condition.__class__](condition, scope)
        if found.v is None:
            fail(condition, "terraform-condition", "the `if` of a `for` must not be null")
        if found._type is not BOOL:
            try:
                found = convert(found, BOOL)
            except ConversionError as error:
                fail(condition, "terraform-condition", f"the `if` of a `for`: {error}")
        if found.marks:
            self.marks = self.marks | found.marks
        if found.v.__class__ is Unknown:
            self.doubt = self.doubt or found
            return False
        return bool(found.v)

    def _key(self, node: Node, scope: Scope) -> str | None:
        found = _EVALUATE[node.__class__](node, scope)
        if found.v is None:
            fail(node, "terraform-key", "the key of a `for` must not be null")
        if found._type is not STRING:
            try:
                found = convert(found, STRING)
            except ConversionError as error:
                fail(node, "terraform-key", f"this cannot be used as a key: {error}")
        if found.marks:
            self.marks = self.marks | found.marks
        if found.v.__class__ is Unknown:
            self.doubt = self.doubt or found
            return None
        return str(found.v)


def _template(node: Template, scope: Scope) -> Value:
    pieces: list[Value] = []
    marks = NO_MARKS
    for part in node.parts:
        value = _EVALUATE[part.__class__](part, scope)
        if value.v is None:
            fail(part, "terraform-null", "a null value cannot be included in a text")
        if value._type is not STRING:
            try:
                value = convert(value, STRING)
            except ConversionError as error:
                if value.known:
                    fail(part, "terraform-template", f"this cannot be included in a text: {error}")
                value = unknown_like(STRING, [value], value.marks)  # not asked until it is known
        if value.marks:
            marks = marks | value.marks
        pieces.append(value)
    return joined_text(pieces, marks)


def _joined(node: Joined, scope: Scope) -> Value:
    source = _EVALUATE[node.inner.__class__](node.inner, scope)
    if not source.known:
        return unknown_like(STRING, [source], source.marks)
    marks = source.marks
    for piece in source.v:
        marks = marks | piece.marks
    doubt = first_unknown(source)
    if doubt is not None:
        return joined_text(source.v, marks) if source.v else Value(STRING, Unknown(), marks)
    return joined_text(source.v, marks)


def _inner(node: Any, scope: Scope) -> Value:
    return _EVALUATE[node.inner.__class__](node.inner, scope)


_EVALUATE: dict[type[Node], Callable[[Any, Scope], Value]] = {
    Literal: _literal,
    Traversal: _traversal,
    GetAttr: _get_attr,
    Index: _index,
    Splat: _splat,
    Item: _item,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Tuple: _tuple,
    Object: _object,
    For: _for,
    Template: _template,
    Wrapped: _inner,
    Parenthesised: _inner,
    DottedKey: _dotted_key,
    Joined: _joined,
}

"""Functions of maps and objects, and the conversions."""

from __future__ import annotations

from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    Parameter,
    text_parameter,
)
from assay.engine.terraform.sets import quoted
from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    EMPTY_OBJECT,
    NUMBER,
    STRING,
    Type,
    friendly,
    list_of,
    map_of,
    object_of,
    set_of,
    tuple_of,
)
from assay.engine.terraform.unification import convertible
from assay.engine.terraform.values import (
    EPHEMERAL,
    NO_MARKS,
    SENSITIVE,
    Value,
    boolean,
    list_value,
    sorted_items,
    string,
    unknown_like,
    wholly_known,
)


def _keys_type(values: list[Value]) -> Type:
    kind = values[0].kind
    if kind == "map":
        return list_of(STRING)
    if kind == "object":
        return tuple_of([STRING] * len(values[0].type.attributes))
    raise FunctionError("must have map or object type")


def keys(values: list[Value]) -> Value:
    (mapping,) = values
    type = _keys_type(values)
    if mapping.kind == "object":
        names = sorted(mapping.v) if mapping.known else list(mapping.type.attributes)
        return Value(None, [string(name) for name in names], mapping.marks)
    if not mapping.known:
        return unknown_like(type, values, mapping.marks, not_null=True)
    return Value(type, [string(name) for name in sorted(mapping.v)], mapping.marks)


def _values_type(values: list[Value]) -> Type:
    type = values[0].type
    if type.kind == "map":
        return list_of(type.element)
    if type.kind == "object":
        return tuple_of(type.attributes.values())
    raise FunctionError("values() requires a map as the first argument")


def values_(values: list[Value]) -> Value:
    (mapping,) = values
    if mapping.kind not in ("map", "object"):
        _values_type(values)
    elements = [element for _, element in sorted_items(mapping)]
    if mapping.kind == "object":
        return Value(None, elements, mapping.marks)
    return Value(_values_type(values), elements, mapping.marks)


def lookup(values: list[Value]) -> Value:
    if len(values) > 3:
        raise FunctionError(f"takes two or three arguments, got {len(values)}")
    mapping, key = values[0], values[1]
    default = values[2] if len(values) == 3 else None
    marks = mapping.marks | key.marks
    kind = mapping.kind
    if kind == "object":
        if not key.known:
            return unknown_like(DYNAMIC, [key], marks)
        names = mapping.v if mapping.known else mapping.type.attributes
        if key.v not in names and default is None:
            raise FunctionError(f"the given object has no attribute {quoted(key.v)}")
        if not mapping.known:
            found_type = (
                mapping.type.attributes[key.v]
                if key.v in names
                else default.type
                if default
                else DYNAMIC
            )
            return unknown_like(found_type, [mapping], marks)
        type = None
    elif kind == "map":
        type = mapping.type.element
        if default is not None:
            try:
                convert(default, type)
            except ConversionError:
                raise FunctionError(
                    "the default value must have the same type as the map elements"
                ) from None
        if not (mapping.known and key.known):
            return unknown_like(type, [mapping, key], marks)
    else:
        raise FunctionError("requires a map as the first argument")
    found: Value | None = mapping.v.get(key.v)
    if found is None:
        if default is None:
            shown = "a sensitive key" if key.sensitive else quoted(key.v)
            raise FunctionError(f"failed to find key {shown}")
        found = convert(default, type) if type else default
    return found.marked(marks)


def _merge_type(values: list[Value]) -> Type:
    if not values:
        return EMPTY_OBJECT
    attributes: dict[str, Type] = {}
    known = True
    for value in values:
        if value.kind == "dynamic":
            return DYNAMIC
        if value.kind not in ("map", "object"):
            raise FunctionError(f"arguments must be maps or objects, got {quoted(value.kind)}")
        if value.v is None:
            continue
        if value.kind == "object":
            attributes.update(value.type.attributes)
        elif value.known:
            attributes.update(dict.fromkeys(value.v, value.type.element))
        else:
            known = False
    first = values[0].type
    if all(value.type == first for value in values):
        return first
    return object_of(attributes) if known else DYNAMIC


def merge(values: list[Value]) -> Value:
    made: dict[str, Value] = {}
    marks = NO_MARKS
    maps = True
    for value in values:
        kind = value.kind
        if kind == "dynamic":
            # A null of no type makes the type of the result unknown, and so an object.
            maps = False
            if value.v is None:
                continue
        elif kind not in ("map", "object"):
            raise FunctionError(f"arguments must be maps or objects, got {quoted(kind)}")
        if kind != "map":
            maps = False
        if value.v is None:
            continue
        marks = marks | value.marks
        made.update(value.v)
    if maps and values:
        first = values[0].type
        if all(value.type == first for value in values):
            return Value(first, made, marks)
    elif values and all(v.v is None for v in values):
        return _null_merge(values, marks)
    return Value(None, made, marks)


def _null_merge(values: list[Value], marks: frozenset[str]) -> Value:
    first = values[0].type
    if first.kind == "map" and all(value.type == first for value in values):
        return Value(first, {}, marks)
    return Value(None, {}, marks)


def _zipmap_type(values: list[Value]) -> Type:
    names, elements = values
    if elements.kind == "list":
        return map_of(elements.type.element)
    if elements.kind != "tuple":
        raise FunctionError("values argument must be a list or tuple value")
    if not wholly_known(names):
        return DYNAMIC
    _zip_check(len(names.v), len(elements.type.elements))
    return object_of(
        {name.v: type for name, type in zip(names.v, elements.type.elements, strict=True)}
    )


def _zip_check(names: int, elements: int) -> None:
    if names != elements:
        raise FunctionError(
            f"number of keys ({names}) does not match number of values ({elements})"
        )


def zipmap(values: list[Value]) -> Value:
    names, elements = values
    marks = names.marks | elements.marks
    if not wholly_known(names):
        return unknown_like(_zipmap_type(values), [names], marks, not_null=True)
    if elements.kind not in ("list", "tuple"):
        _zipmap_type(values)
    _zip_check(len(names.v), len(elements.v))
    made: dict[str, Value] = {}
    for name, element in zip(names.v, elements.v, strict=True):
        if name.v is None:
            raise FunctionError("keys list has a null value")
        marks = marks | name.marks
        made[name.v] = element
    type = map_of(elements.type.element) if elements.kind == "list" else None
    return Value(type, made, marks)


def transpose(values: list[Value]) -> Value:
    (mapping,) = values
    type = map_of(list_of(STRING))
    if not wholly_known(mapping):
        return unknown_like(type, [mapping], not_null=True)
    made: dict[str, list[str]] = {}
    for name, elements in mapping.v.items():
        if elements.v is None:
            raise FunctionError("input must not contain null list")
        for element in elements.v:
            if element.v is None:
                raise FunctionError("input list must not contain null string")
            made.setdefault(element.v, []).append(name)
    return Value(
        type,
        {
            name: list_value(STRING, [string(key) for key in sorted(found)])
            for name, found in made.items()
        },
    )


def _converter(wanted: Type) -> Function:
    def result(values: list[Value]) -> Type:  # noqa: ARG001
        return wanted

    def run(values: list[Value]) -> Value:
        (value,) = values
        given = value.type
        if given == wanted:
            return value
        if not convertible(given, wanted):
            raise FunctionError(f"cannot convert {friendly(given)} to {_constraint(wanted)}")
        try:
            return convert(value, wanted)
        except ConversionError:
            what = friendly(given)
            if value.sensitive:
                what = f"this sensitive {what}"
            elif given is STRING and value.v is not None:
                what = quoted(value.v)
            raise FunctionError(f"cannot convert {what} to {_constraint(wanted)}") from None

    return Function(run, [Parameter("v", DYNAMIC, "nudm")], result, not_null=False)


def _constraint(type: Type) -> str:
    return f"{type.kind} of any single type" if type.kind in ("list", "set", "map") else type.kind


def sensitive(values: list[Value]) -> Value:
    return values[0].marked(frozenset({SENSITIVE}))


def nonsensitive(values: list[Value]) -> Value:
    value = values[0]
    return Value(value._type, value.v, value.marks - {SENSITIVE})


def issensitive(values: list[Value]) -> Value:
    value = values[0]
    if value.sensitive:
        return boolean(True)
    if not value.known:
        return unknown_like(BOOL, [value])
    return boolean(False)


def ephemeralasnull(values: list[Value]) -> Value:
    return _without_ephemeral(values[0])


def _without_ephemeral(value: Value) -> Value:
    if EPHEMERAL in value.marks:
        return Value(value.type, None, value.marks - {EPHEMERAL})
    v = value.v
    if v.__class__ is list:
        v = [_without_ephemeral(element) for element in v]
    elif v.__class__ is dict:
        v = {name: _without_ephemeral(element) for name, element in v.items()}
    else:
        return value
    return Value(value._type, v, value.marks)


def _same(values: list[Value]) -> Type:
    return values[0].type


def _removed(name: str, instead: str) -> Function:
    def run(values: list[Value]) -> Value:  # noqa: ARG001
        raise FunctionError(f"{name} was removed in Terraform 0.12; use {instead}")

    return Function(run, [], DYNAMIC, Parameter("vals", DYNAMIC, "nudm"))


_ANYTHING = [Parameter("value", DYNAMIC, "nudm")]

FUNCTIONS: dict[str, Function] = {
    "keys": Function(keys, [Parameter("inputMap", DYNAMIC, "um")], _keys_type),
    "values": Function(values_, [Parameter("mapping", DYNAMIC, "m")], _values_type),
    "lookup": Function(
        lookup,
        [Parameter("inputMap", DYNAMIC, "um"), text_parameter("key", "um")],
        DYNAMIC,
        Parameter("default", DYNAMIC, "nudm"),
        not_null=False,
    ),
    "merge": Function(merge, [], _merge_type, Parameter("maps", DYNAMIC, "ndm")),
    "zipmap": Function(
        zipmap,
        [Parameter("keys", list_of(STRING), "m"), Parameter("values", DYNAMIC, "m")],
        _zipmap_type,
    ),
    "transpose": Function(
        transpose, [Parameter("values", map_of(list_of(STRING)))], map_of(list_of(STRING))
    ),
    "tostring": _converter(STRING),
    "tonumber": _converter(NUMBER),
    "tobool": _converter(BOOL),
    "tolist": _converter(list_of(DYNAMIC)),
    "toset": _converter(set_of(DYNAMIC)),
    "tomap": _converter(map_of(DYNAMIC)),
    "sensitive": Function(sensitive, _ANYTHING, _same, not_null=False),
    "nonsensitive": Function(nonsensitive, _ANYTHING, _same, not_null=False),
    "issensitive": Function(issensitive, _ANYTHING, BOOL, not_null=False),
    "ephemeralasnull": Function(ephemeralasnull, _ANYTHING, _same, not_null=False),
    "list": _removed("list", "tolist([…])"),
    "map": _removed("map", "tomap({…})"),
}

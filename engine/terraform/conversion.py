"""Conversion of values between types, by Terraform's rules: nulls and unknowns convert as well."""

from __future__ import annotations

from assay.engine.terraform import numbers
from assay.engine.terraform.sets import set_value
from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    Type,
    collection_of,
    friendly,
    has_dynamic,
    object_of,
    tuple_of,
    without_optional,
)
from assay.engine.terraform.unification import convertible, unify
from assay.engine.terraform.values import Unknown, Value, boolean, string


class ConversionError(ValueError):
    """A value that does not fit the type asked for; the text says why, and where inside."""


def convert(value: Value, type: Type) -> Value:
    """The value as one of the type, with its marks. Raises ConversionError."""
    given = value._type
    if given is type or type is DYNAMIC:
        return value
    if given is None:
        given = value.type
    if given == type:
        return value
    v = value.v
    if v is None or v.__class__ is Unknown:
        return _unknown_or_null(value, given, type)
    kind = type.kind
    if kind == "string" or kind == "number" or kind == "bool":
        made = _primitive(value, given, type)
    elif kind == "object":
        made = _object(value, given, type)
    elif kind == "tuple":
        made = _tuple(value, given, type)
    elif kind == "map":
        made = _map(value, given, type)
    else:
        made = _sequence(value, given, type)
    return made.marked(value.marks) if value.marks else made


def _unknown_or_null(value: Value, given: Type, type: Type) -> Value:
    if given is not DYNAMIC and not convertible(given, type):
        raise _mismatch(given, type)
    target = _settled(given, without_optional(type))
    if value.v is None:
        return Value(target, None, value.marks)
    info: Unknown = value.v
    made = Unknown(
        info.cause,
        info.origin,
        identity=info.identity,
        family=info.family,
        not_null=info.not_null,
        exists=info.exists,
    )
    if given.kind == "tuple" and type.kind in ("list", "set"):
        made.high = len(given.elements)
        made.low = made.high if type.kind == "list" else min(1, made.high)
    elif given.kind == "object" and type.kind == "map":
        made.low = made.high = len(given.attributes)
    elif given.kind in ("list", "set", "map") and type.kind in ("list", "set", "map"):
        made.low = info.low and (min(1, info.low) if type.kind == "set" else info.low)
        made.high = info.high
    return Value(target, made, value.marks)


def _settled(given: Type, wanted: Type) -> Type:
    """The wanted type with its dynamic parts taken from the given one."""
    if given is DYNAMIC or not has_dynamic(wanted):
        return wanted
    if wanted is DYNAMIC:
        return given
    kind = wanted.kind
    if kind in ("list", "set", "map"):
        if given.kind in ("list", "set", "map"):
            return collection_of(kind, _settled(given.element, wanted.element))
        parts = given.elements if given.kind == "tuple" else tuple(given.attributes.values())
        element = unify(parts)
        return collection_of(kind, _settled(element, wanted.element)) if element else wanted
    if kind == "object" and given.kind == "object":
        return object_of(
            {
                name: _settled(given.attributes[name], t) if name in given.attributes else t
                for name, t in wanted.attributes.items()
            }
        )
    if kind == "tuple" and given.kind == "tuple":
        return tuple_of(map(_settled, given.elements, wanted.elements))
    return wanted


def _primitive(value: Value, given: Type, type: Type) -> Value:
    v = value.v
    if type is STRING:
        if given is NUMBER:
            return Value(STRING, numbers.to_text(v))
        if given is BOOL:
            return Value(STRING, "true" if v else "false")
    elif given is STRING:
        if type is NUMBER:
            parsed = numbers.parse(v)
            if parsed is None:
                raise ConversionError("a number is required")
            return Value(NUMBER, parsed)
        if v in ("true", "1"):
            return boolean(True)
        if v in ("false", "0"):
            return boolean(False)
        if v.lower() in ("true", "false"):
            raise ConversionError(
                f'a bool is required; to convert from string, use lowercase "{v.lower()}"'
            )
        raise ConversionError("a bool is required")
    raise _mismatch(given, type)


def _object(value: Value, given: Type, type: Type) -> Value:
    if given.kind not in ("object", "map"):
        raise _mismatch(given, type)
    elements: dict[str, Value] = value.v
    made: dict[str, Value] = {}
    missing: list[str] = []
    for name, wanted in type.attributes.items():
        element = elements.get(name)
        if element is not None:
            made[name] = _inside(element, wanted, f".{name}")
        elif name in type.optional:
            made[name] = Value(without_optional(wanted), None)
        else:
            missing.append(name)
    if missing:
        if given.kind == "map":
            raise ConversionError(f'map has no element for required attribute "{missing[0]}"')
        noun = "attribute" if len(missing) == 1 else "attributes"
        verb = "is" if len(missing) == 1 else "are"
        listed = ", ".join(f'"{name}"' for name in missing)
        raise ConversionError(f"{noun} {listed} {verb} required")
    return Value(None, made)


def _tuple(value: Value, given: Type, type: Type) -> Value:
    if given.kind != "tuple":
        raise _mismatch(given, type)
    if len(value.v) != len(type.elements):
        raise ConversionError(f"tuple of {len(type.elements)} elements required")
    return Value(
        None,
        [
            _inside(element, wanted, f"[{at}]")
            for at, (element, wanted) in enumerate(zip(value.v, type.elements, strict=True))
        ],
    )


def _element_type(given: Type, type: Type, elements: list[Value]) -> Type:
    """The element type to convert to: `any` is what all elements can be brought to."""
    wanted = type.element
    if wanted is not DYNAMIC:
        return wanted
    if given.kind in ("list", "set", "map"):
        return given.element
    found = unify([element.type for element in elements]) if elements else DYNAMIC
    if found is None:
        raise ConversionError(
            "all elements must have the same type"
            if type.kind == "map"
            else f"all {type.kind} elements must have the same type"
        )
    if found is DYNAMIC and type.kind != "map" and any(e.type is not DYNAMIC for e in elements):
        raise ConversionError(f"all {type.kind} elements must have the same type")
    return found


def _sequence(value: Value, given: Type, type: Type) -> Value:
    if given.kind not in ("list", "set", "tuple"):
        raise _mismatch(given, type)
    elements: list[Value] = value.v
    if not elements and not convertible(given, type):
        raise _mismatch(given, type)
    wanted = _element_type(given, type, elements)
    made = [_inside(element, wanted, f"[{at}]") for at, element in enumerate(elements)]
    element, made = _one_type(made, wanted)
    result = collection_of(type.kind, element)
    if type.kind == "set":
        return set_value(element, made)
    if given.kind == "set" and not all(element.known for element in elements):
        # A set with unknown elements may lose some of them, so its length is not known.
        first = next(element.v for element in elements if not element.known)
        return Value(result, Unknown(first.cause, first.origin, not_null=True))
    return Value(result, made)


def _map(value: Value, given: Type, type: Type) -> Value:
    if given.kind not in ("map", "object"):
        raise _mismatch(given, type)
    elements: dict[str, Value] = value.v
    if not elements and not convertible(given, type):
        raise _mismatch(given, type)
    wanted = _element_type(given, type, list(elements.values()))
    made = {name: _inside(element, wanted, f'["{name}"]') for name, element in elements.items()}
    element, settled = _one_type(list(made.values()), wanted)
    return Value(collection_of("map", element), dict(zip(made, settled, strict=True)))


def _one_type(elements: list[Value], wanted: Type) -> tuple[Type, list[Value]]:
    """Conversion to a type with dynamic parts may leave elements of differing types: unify them."""
    if not elements or not has_dynamic(wanted):
        return without_optional(wanted), elements
    types = [element.type for element in elements]
    if wanted is DYNAMIC:
        # Elements of no type, which are null or unknown, take the type that all others have.
        types = [type for type in types if type is not DYNAMIC] or types
        if any(type != types[0] for type in types):
            raise ConversionError("all elements must have the same type")
        return types[0], [convert(element, types[0]) for element in elements]
    if all(type == types[0] for type in types):
        return types[0], elements
    found = unify(types)
    if found is None:
        raise ConversionError("cannot find a common base type for all elements")
    return found, [convert(element, found) for element in elements]


def _inside(element: Value, type: Type, step: str) -> Value:
    if element._type is type:
        return element
    try:
        return convert(element, type)
    except ConversionError as error:
        message = str(error)
        joint = "" if message.startswith((".", "[")) and ": " in message else ": "
        raise ConversionError(f"{step}{joint}{message}") from None


def _mismatch(given: Type, wanted: Type) -> ConversionError:
    name = friendly(wanted)
    article = "an" if name[0] in "aeiou" else "a"
    if wanted.kind in ("object", "map", "list", "set", "tuple"):
        return ConversionError(f"{name} required, but have {friendly(given)}")
    return ConversionError(f"{article} {name} is required, but have {friendly(given)}")


def to_string(value: Value) -> str:
    """The text of a known, not null primitive value."""
    if value._type is STRING:
        return value.v  # type: ignore[no-any-return]
    return convert(value, STRING).v  # type: ignore[no-any-return]


def text_value(text: str) -> Value:
    """A string value, normalised."""
    return string(text)

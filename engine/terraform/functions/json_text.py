"""JSON as Terraform writes and reads it."""

from __future__ import annotations

import json
import re
from typing import Any

from assay.engine.terraform import numbers
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    Parameter,
    text_parameter,
)
from assay.engine.terraform.types import BOOL, DYNAMIC, NUMBER, STRING, Type
from assay.engine.terraform.values import (
    NULL,
    Unknown,
    Value,
    boolean,
    first_unknown,
    sorted_items,
    string,
    unknown_like,
    wholly_known,
)

MAX_DEPTH = 200
_ESCAPED = re.compile(r'[\x00-\x1f"\\<>&\u2028\u2029]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def json_string(text: str) -> str:
    """A JSON string with what Go escapes for HTML."""
    if text.isprintable() and not _ESCAPED.search(text):
        return f'"{text}"'
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"


def json_text(value: Value) -> str:
    """The wholly known value as JSON, without spaces, keys in order."""
    v = value.v
    if v is None:
        return "null"
    if v.__class__ is str:
        return json_string(v)
    if v.__class__ is bool:
        return "true" if v else "false"
    if v.__class__ is list:
        return f"[{','.join([json_text(element) for element in v])}]"
    if v.__class__ is dict:
        items = [f"{json_string(name)}:{json_text(e)}" for name, e in sorted_items(value)]
        return f"{{{','.join(items)}}}"
    if numbers.is_infinite(v):
        raise FunctionError("infinity cannot be written as JSON")
    return numbers.to_text(v)


def jsonencode(values: list[Value]) -> Value:
    (value,) = values
    if wholly_known(value):
        return string(json_text(value))
    result = unknown_like(STRING, [value], not_null=True, structure=("json", value))
    info: Unknown = result.v
    kind = value.kind
    certain = value.v.not_null if value.v.__class__ is Unknown else True
    if certain:
        if kind == "string":
            info.prefix = '"'
        elif kind in ("object", "map"):
            info.prefix = "{"
        elif kind in ("tuple", "list", "set"):
            info.prefix = "["
        info.begins = info.prefix
        info.suffix = {"": "", '"': '"', "{": "}", "[": "]"}[info.prefix]
    return result


def _decode_type(values: list[Value]) -> Type:
    v = values[0].v
    if v.__class__ is Unknown:
        start = v.prefix.strip()[:1]
        if start == '"':
            return STRING
        if start and start in "tf":
            return BOOL
        if start and start in "-0123456789.":
            return NUMBER
        if start and start not in "{[n":
            raise FunctionError(f'a JSON document cannot begin with the character "{start}"')
    return DYNAMIC


def jsondecode(values: list[Value]) -> Value:
    return read_json(values[0].v)


def read_json(text: str) -> Value:
    """The value of a JSON document: objects and tuples. Raises FunctionError."""
    try:
        document = json.loads(
            text, parse_int=_Number, parse_float=_Number, parse_constant=_constant
        )
        return _value(document, 0)
    except RecursionError:
        raise LimitError("the document is nested too deep") from None
    except ValueError as error:
        raise FunctionError(str(error)) from None


class _Number(str):
    """The text of a number, which float() would round."""

    __slots__ = ()


def _constant(name: str) -> Any:
    raise FunctionError(f"invalid JSON: {name}")


def _value(document: Any, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise LimitError("the document is nested too deep")
    if document is None:
        return NULL
    if isinstance(document, _Number):
        number = numbers.parse(str(document))
        if number is None:
            raise FunctionError(f"invalid number {document}")
        return Value(NUMBER, number)
    if isinstance(document, str):
        return string(document)
    if isinstance(document, bool):
        return boolean(document)
    if isinstance(document, list):
        return Value(None, [_value(element, depth + 1) for element in document])
    return Value(
        None,
        {string(name).v: _value(element, depth + 1) for name, element in document.items()},
    )


def jsondecode_unknown(value: Value) -> Value | None:
    """What an unknown text is known to encode, where jsonencode made it."""
    info = value.v
    if isinstance(info, Unknown) and info.structure and first_unknown(value):
        found: Value = info.structure[1]
        return found
    return None


FUNCTIONS: dict[str, Function] = {
    "jsonencode": Function(jsonencode, [Parameter("val", DYNAMIC, "nud")], STRING),
    "jsondecode": Function(jsondecode, [text_parameter("str")], _decode_type, not_null=False),
}

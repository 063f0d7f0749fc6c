"""YAML as Terraform writes and reads it (YAML 1.1 words, one document, no tags of its own)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import yaml

from assay.engine.terraform import numbers
from assay.engine.terraform.conversion import convert, to_string
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    Parameter,
    text_parameter,
)
from assay.engine.terraform.types import DYNAMIC, NUMBER, STRING, Type
from assay.engine.terraform.values import (
    NULL,
    Value,
    boolean,
    sorted_items,
    string,
    unknown_like,
    wholly_known,
)

MAX_DEPTH = 200
_WIDTH = 80
_SIMPLE_KEY = 128  # bytes
MAX_NODES = 200_000  # after aliases are followed
_ESCAPES = {
    0: "0", 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 27: "e",
    34: '"', 92: "\\", 0x85: "N", 0xA0: "_", 0x2028: "L", 0x2029: "P",
}  # fmt: skip
_SPECIAL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff\U00010000-\U0010ffff]"
)
_QUOTE = re.compile(
    r'[\x00-\x1f"\\\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff\U00010000-\U0010ffff]'
)
_BREAKS = "\n\r\x85\u2028\u2029"


# ---- writing --------------------------------------------------------------------------------


def yamlencode(values: list[Value]) -> Value:
    (value,) = values
    if not wholly_known(value):
        return unknown_like(STRING, [value], not_null=True, structure=("yaml", value))
    return string(yaml_text(value))


def yaml_text(value: Value) -> str:
    """The wholly known value as a YAML document."""
    v = value.v
    if v and isinstance(v, list | dict):
        return _block(value, 0) + "\n"
    end = "\n" if isinstance(v, str | list | dict) else "\n...\n"  # a bare word needs an end
    return _scalar(value, 1, 0) + end


def _block(value: Value, indent: int, below_key: bool = False) -> str:
    """A node whose own lines are indented so far, without a line break at its end.

    A collection begins on the line of its parent's `-`, or on a new one below its parent's key.
    """
    v = value.v
    pad = "  " * indent
    if isinstance(v, list) and v:
        rows = [f"- {_item(element, indent)}" for element in v]
    else:
        rows = [_entry(name, element, indent) for name, element in sorted_items(value)]
    text = f"\n{pad}".join(rows)
    return f"\n{pad}{text}" if below_key else text


def _item(element: Value, indent: int) -> str:
    if element.v and isinstance(element.v, list | dict):
        return _block(element, indent + 1)
    return _scalar(element, indent + 1, 2 * indent + 2)


def _entry(name: str, element: Value, indent: int) -> str:
    v = element.v
    if "\n" not in name and len(name.encode()) <= _SIMPLE_KEY:
        mark = f"{_double_quoted(name)}:"
    else:
        key = _scalar(string(name), indent + 1, 2 * indent + 2)
        mark = f"? {key}\n{'  ' * indent}:"
    if v and isinstance(v, list):
        # A sequence below a key is not indented any further.
        return mark + _block(element, indent, below_key=True)
    if v and isinstance(v, dict):
        return mark + _block(element, indent + 1, below_key=True)
    column = 2 * indent + len(mark) - mark.rfind("\n")
    return f"{mark} {_scalar(element, indent + 1, column)}"


def _scalar(value: Value, indent: int, column: int) -> str:
    """A scalar, or an empty collection, that begins in the column."""
    v = value.v
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, str):
        if "\n" in v and _may_be_literal(v):
            return _literal(v, indent)
        return _folded(_double_quoted(v), indent, column)
    if isinstance(v, list):
        return "[]"
    if isinstance(v, dict):
        return "{}"
    return numbers.to_text(v)


def _folded(text: str, indent: int, column: int) -> str:
    """A quoted text, broken at single spaces once a line is longer than 80 characters."""
    if column + len(text) <= _WIDTH:
        return text
    found: list[str] = []
    pad = "  " * indent
    spaces = False
    for at, char in enumerate(text):
        single = char == " " and not spaces and text[at + 1] != " " and 1 < at < len(text) - 2
        spaces = char == " "
        if single and column > _WIDTH:
            found.append(f"\n{pad}")
            column = len(pad)
        else:
            found.append(char)
            column += 1
    return "".join(found)


def _may_be_literal(text: str) -> bool:
    return not (text.endswith(" ") or " \n" in text or _SPECIAL.search(text))


def _literal(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n" else ""
    if not text.endswith("\n"):
        hint += "-"
    elif text == "\n" or text.endswith("\n\n"):
        hint += "+"
    pad = "  " * indent
    body = "\n".join([pad + line if line else "" for line in text.removesuffix("\n").split("\n")])
    return f"|{hint}\n{body}"


def _double_quoted(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{_QUOTE.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    known = _ESCAPES.get(code)
    if known:
        return f"\\{known}"
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


# ---- reading --------------------------------------------------------------------------------

_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_INFINITE = {
    sign + word: float(("-" if sign == "-" else "") + "inf")
    for sign in ("", "+", "-")
    for word in (".inf", ".Inf", ".INF")
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:\.\d+)?(Z|[+-]\d\d:\d\d))"
    r"|(?: (\d\d?):(\d\d?):(\d\d?)(?:\.\d+)?))?",
    re.ASCII,
)
_HINTS = frozenset("+-0123456789yYnNtTfFoO~.")
_TAG = "tag:yaml.org,2002:"


def yamldecode(values: list[Value]) -> Value:
    return read_yaml(values[0].v)


def read_yaml(text: str) -> Value:
    """The value of a YAML document: objects and tuples. Raises FunctionError."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        reader = _Reader(yaml.parse(text, Loader=loader))
        return reader.document()
    except yaml.YAMLError as error:
        raise FunctionError(f"invalid YAML: {_first_line(error)}") from None
    except RecursionError:
        raise LimitError("the document is nested too deep") from None


def _first_line(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or "cannot be read"
    mark = getattr(error, "problem_mark", None)
    return f"on line {mark.line + 1}: {problem}" if mark else str(problem)


class _Reader:
    """One pass over the events of a document."""

    def __init__(self, events: Any) -> None:
        self.events = events
        self.anchors: dict[str, Value] = {}
        self.sizes: dict[str, int] = {}
        self.pending: set[str] = set()
        self.count = 0

    def document(self) -> Value:
        next(self.events)
        first = next(self.events)
        if not isinstance(first, yaml.DocumentStartEvent):
            raise FunctionError("missing start of document")
        value = self.node(next(self.events), 0)
        next(self.events)
        if not isinstance(next(self.events), yaml.StreamEndEvent):
            raise FunctionError("only a single document is allowed")
        return value

    def node(self, event: Any, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise LimitError("the document is nested too deep")
        self.count += 1
        if self.count > MAX_NODES:
            raise LimitError(f"more than {MAX_NODES} values")
        name = event.anchor
        if isinstance(event, yaml.AliasEvent):
            if name in self.pending:
                raise FunctionError(
                    f'cannot refer to anchor "{name}" from inside its own definition'
                )
            if name not in self.anchors:
                raise FunctionError(f'reference to undefined anchor "{name}"')
            self.count += self.sizes[name]
            return self.anchors[name]
        if name:
            self.pending.add(name)
        before = self.count
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._plain_tag(event.tag, "seq")
            value = self.sequence(depth)
        else:
            self._plain_tag(event.tag, "map")
            value = self.mapping(depth)
        if name:
            self.pending.discard(name)
            self.anchors[name] = value
            self.sizes[name] = self.count - before
        return value

    @staticmethod
    def _plain_tag(tag: str | None, wanted: str) -> None:
        if tag and tag not in (_TAG + wanted, "!"):
            raise FunctionError(f"can't interpret this as {tag}")

    def sequence(self, depth: int) -> Value:
        found: list[Value] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.node(event, depth + 1))
        return Value(None, found)

    def mapping(self, depth: int) -> Value:
        found: dict[str, Value] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise FunctionError("only strings are allowed as mapping keys")
            merges = event.value == "<<" and event.implicit[0] and not event.tag
            key = self.scalar(event)
            value = self.node(next(self.events), depth + 1)
            if merges:
                if value.kind != "object":
                    raise FunctionError(f"cannot merge {value.kind} into mapping")
                found.update(value.v)
                continue
            if key.v is None:
                raise FunctionError("mapping key cannot be null")
            found[to_string(key)] = value
        return Value(None, found)

    def scalar(self, event: Any) -> Value:
        tag = event.tag or ""
        tag = tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
        if tag not in ("", "str", "bool", "int", "float", "null", "timestamp", "binary", "!"):
            raise FunctionError(f'unsupported tag "{event.tag}"')
        text: str = event.value
        hinted = not text or text[0] in _HINTS
        if tag in ("str", "binary", "!") or (event.style in ("'", '"') and (hinted or not tag)):
            return string(text)
        if event.style in ("|", ">") and not tag:
            # What looks like a number is read as one, and its text is the value.
            return convert(_plain(text, tag), STRING)
        return _plain(text, tag)


def _plain(text: str, tag: str) -> Value:
    if text in _TRUE or text in _FALSE:
        return boolean(text in _TRUE)
    if text in _NULL or tag == "null":
        return NULL
    if text in _INFINITE:
        return Value(NUMBER, _INFINITE[text])
    if text in (".nan", ".NaN", ".NAN") and not tag:
        raise FunctionError("floating point NaN is not supported")
    if text[0] in "0123456789+-.":
        stamp = _timestamp(text) if tag in ("", "timestamp") and text[0] != "." else None
        if stamp:
            return string(stamp)
        number = _number(text, tag)
        if number is not None:
            return Value(NUMBER, number)
    if tag in ("bool", "int", "float", "timestamp"):
        raise FunctionError(f'cannot parse "{text}" as {tag}')
    return string(text)


def _number(text: str, tag: str) -> Any:
    if text[0] == ".":
        return numbers.parse(text)
    if tag not in ("int", "float") and not (_INTEGER.fullmatch(text) or _FLOAT.fullmatch(text)):
        return None
    plain = text.replace("_", "")
    found = numbers.parse(plain)
    if found is not None:
        return found
    try:
        return int(plain, 0)
    except ValueError:
        raise FunctionError(f'cannot parse "{text}" as a number') from None


def _timestamp(text: str) -> str | None:
    """The text as RFC 3339 where it is one of the forms of a YAML time stamp."""
    found = _TIME.fullmatch(text)
    if not found:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    hour, minute, second = (int(found[4 + i] or found[8 + i] or 0) for i in range(3))
    zone = found[7] or "Z"
    try:
        stamp = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return f"{stamp:%Y-%m-%dT%H:%M:%S}{'Z' if zone in ('Z', '+00:00') else zone}"


def _decode_type(values: list[Value]) -> Type:  # noqa: ARG001
    return DYNAMIC


FUNCTIONS: dict[str, Function] = {
    "yamlencode": Function(yamlencode, [Parameter("value", DYNAMIC, "nud")], STRING),
    "yamldecode": Function(yamldecode, [text_parameter("src")], _decode_type, not_null=False),
}

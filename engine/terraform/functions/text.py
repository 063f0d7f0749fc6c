"""Functions of text."""

from __future__ import annotations

import re

import re2

from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    number_parameter,
    of_strings,
    test_of_strings,
    text_parameter,
    whole,
)
from assay.engine.terraform.graphemes import clusters
from assay.engine.terraform.hcl_templates import SPACE
from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    STRING,
    Type,
    list_of,
    object_of,
    tuple_of,
)
from assay.engine.terraform.values import (
    FALSE,
    TRUE,
    Value,
    boolean,
    list_value,
    string,
    unknown_like,
)

MAX_TEXT = 16 * 1024 * 1024  # characters of one result


def upper(text: str) -> str:
    if text.isascii():
        return text.upper()
    return "".join([char.upper() if len(char.upper()) == 1 else char for char in text])


def lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join([char.lower() if len(char.lower()) == 1 else char.lower()[0] for char in text])


def title(text: str) -> str:
    found: list[str] = []
    before = " "
    for char in text:
        starts = _separates(before)
        changed = char.title() if starts else char
        found.append(changed if len(changed) == 1 else char)
        before = char
    return "".join(found)


def _separates(char: str) -> bool:
    if char.isascii():
        return not (char.isalnum() or char == "_")
    return not char.isalpha() and not char.isdigit() and char in SPACE


def substr(values: list[Value]) -> Value:
    text: str = values[0].v
    offset, size = whole(values[1], "offset"), whole(values[2], "length")
    parts = clusters(text)
    if offset < 0:
        offset = max(0, offset + len(parts))
    elif size == 0:
        return string("")
    rest = parts[offset:]
    if size > 0:
        rest = rest[:size]
    # A length of 0 counts from the end of the text only, and then means all of it.
    return string("".join(rest))


def indent(values: list[Value]) -> Value:
    spaces = whole(values[0], "spaces")
    text: str = values[1].v
    if spaces < 0:
        raise FunctionError("the number of spaces must not be negative")
    if spaces * text.count("\n") > MAX_TEXT:
        raise LimitError("the result would be too large")
    return string(text.replace("\n", "\n" + " " * spaces))


def compiled(pattern: str) -> re2.Pattern:
    """The pattern as RE2, the syntax of Go. Raises FunctionError."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise FunctionError(f"invalid regexp pattern: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else "cannot be compiled"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def replace(text: str, old: str, new: str) -> str:
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        return _replace_pattern(text, compiled(old[1:-1]), new)
    if text.count(old) * len(new) > MAX_TEXT:
        raise LimitError("the result would be too large")
    return text.replace(old, new)


_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))", re.ASCII)


def _replace_pattern(text: str, pattern: re2.Pattern, new: str) -> str:
    """Go's ReplaceAllString: `$1`, `${name}` and `$$` stand for parts of the match."""
    names = dict(pattern.groupindex)

    def expand(found: re2._Match) -> str:
        def part(reference: re.Match[str]) -> str:
            name = reference[1] or reference[2]
            if name is None:
                return "$"
            if name.isdecimal():
                number = int(name)
                return (found.group(number) or "") if number <= pattern.groups else ""
            return (found.group(names[name]) or "") if name in names else ""

        return _REFERENCE.sub(part, new)

    pieces: list[str] = []
    at = 0
    size = 0
    previous = -1
    for found in pattern.finditer(text):
        start, end = found.span()
        if start == end == previous:
            continue  # Go takes no empty match right behind a match
        pieces += (text[at:start], expand(found))
        size += len(pieces[-1])
        if size > MAX_TEXT:
            raise LimitError("the result would be too large")
        at = previous = end
    return "".join([*pieces, text[at:]])


def _match_type(pattern: str) -> Type:
    program = compiled(pattern)
    names = program.groupindex
    if not program.groups:
        return STRING
    if names and len(names) < program.groups:
        raise FunctionError(
            "invalid regexp pattern: cannot mix both named and unnamed capture groups"
        )
    if names:
        return object_of(dict.fromkeys(names, STRING))
    return tuple_of([STRING] * program.groups)


def _match_value(program: re2.Pattern, found: re2._Match) -> Value:
    if not program.groups:
        return string(found.group())
    parts = [Value(STRING, None) if part is None else string(part) for part in found.groups()]
    names = program.groupindex
    if names:
        return Value(None, {name: parts[at - 1] for name, at in names.items()})
    return Value(None, parts)


def regex(values: list[Value]) -> Value:
    _match_type(values[0].v)
    program = compiled(values[0].v)
    found = program.search(values[1].v)
    if found is None:
        raise FunctionError("pattern did not match any part of the given string")
    return _match_value(program, found)


def regexall(values: list[Value]) -> Value:
    type = _match_type(values[0].v)
    program = compiled(values[0].v)
    found: list[Value] = []
    previous = -1
    for match in program.finditer(values[1].v):
        start, end = match.span()
        if start == end == previous:
            continue
        previous = end
        found.append(_match_value(program, match))
    return list_value(type, found)


def _regex_type(values: list[Value]) -> Type:
    return _match_type(values[0].v) if values[0].known else DYNAMIC


def startswith(values: list[Value]) -> Value:
    text, prefix = values[0], values[1].v
    if text.known:
        return boolean(text.v.startswith(prefix))
    known = text.v.prefix
    if prefix == "" or (known and known.startswith(prefix)):
        return TRUE
    if known and len(known.encode()) >= len(prefix.encode()):
        return FALSE
    return unknown_like(BOOL, [text], not_null=True)


FUNCTIONS: dict[str, Function] = {
    "upper": of_strings(upper, "str"),
    "lower": of_strings(lower, "str"),
    "title": of_strings(title, "str"),
    "strrev": of_strings(lambda text: "".join(reversed(clusters(text))), "str"),
    "chomp": of_strings(lambda text: text.rstrip("\r\n"), "str"),
    "trimspace": of_strings(lambda text: text.strip(SPACE), "str"),
    "trim": of_strings(lambda text, cutset: text.strip(cutset), "str", "cutset"),
    "trimprefix": of_strings(lambda text, prefix: text.removeprefix(prefix), "str", "prefix"),
    "trimsuffix": of_strings(lambda text, suffix: text.removesuffix(suffix), "str", "suffix"),
    "replace": of_strings(replace, "str", "substr", "replace"),
    "substr": Function(
        substr,
        [text_parameter("str", "d"), number_parameter("offset"), number_parameter("length")],
        STRING,
    ),
    "indent": Function(indent, [number_parameter("spaces"), text_parameter("str")], STRING),
    "regex": Function(regex, [text_parameter("pattern"), text_parameter("string")], _regex_type),
    "regexall": Function(
        regexall,
        [text_parameter("pattern"), text_parameter("string")],
        lambda values: list_of(_regex_type(values)),
    ),
    "startswith": Function(
        startswith, [text_parameter("str", "u"), text_parameter("prefix")], BOOL
    ),
    "endswith": test_of_strings(str.endswith, "str", "suffix"),
    "strcontains": test_of_strings(lambda text, part: part in text, "str", "substr"),
}

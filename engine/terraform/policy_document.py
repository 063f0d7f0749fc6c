"""`data "aws_iam_policy_document"` computed as the AWS provider computes it.

Source: the provider's data source of version 5.100.0: statements are merged by sid, first those of
source documents, then its own, then overrides; one element is written as text, more than one as a
list in reverse sorted order; `&{` becomes `${`. The later of two versions wins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zlib import crc32

from assay.engine.terraform import nested
from assay.engine.terraform.export import from_python, to_python
from assay.engine.terraform.functions import json_text
from assay.engine.terraform.scopes import fail
from assay.engine.terraform.syntax import Block
from assay.engine.terraform.types import STRING
from assay.engine.terraform.values import (
    Value,
    deep_marks,
    first_unknown,
    object_value,
    string,
    tuple_value,
    unknown,
)

if TYPE_CHECKING:
    from assay.engine.terraform.instance import Instance, Key

_ORDER = (
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
)
_STATEMENT = _ORDER[3:]
_RAW = ("Action", "NotAction", "Resource", "NotResource")  # kept as they are in a document
_LISTS = (
    ("actions", "Action"),
    ("not_actions", "NotAction"),
    ("resources", "Resource"),
    ("not_resources", "NotResource"),
)


def compute(instance: Instance, block: Block, key: Key) -> Value:
    """The `json` attribute of the data source; what is unknown stays so, inside the document."""
    schema = instance.context.schema.resource("data.aws_iam_policy_document")
    assert schema is not None
    statements: list[tuple[str, Value]] = []
    heads: dict[str, Value] = {}
    own = instance.objects

    def read(name: str) -> Value:
        address = own.address("data.aws_iam_policy_document", block.labels[1], key.text)
        return own._attribute("data.aws_iam_policy_document", block, key, address, name, block)

    version = read("version")
    policy_id = read("policy_id")
    for name in ("source_json", "source_policy_documents"):
        doubt = _merge_documents(statements, heads, read(name), block, name)
        if doubt is not None:
            return doubt
    _raise(heads, version if version.v is not None else string("2012-10-17"))
    if policy_id.v:
        heads["Id"] = policy_id
    old = isinstance(version.v, str) and version.v < "2012-10-17"
    listed = nested.block_value(instance, block, key, schema, "statement", typed=False)
    if not listed.known:
        return _undecided(listed)
    seen: set[str] = set()
    for element in listed.v:
        sid = element.v["sid"].v or ""
        if isinstance(sid, str) and sid and sid in seen:
            fail(block, "terraform-policy", f"the sid `{sid}` stands twice in this document")
        seen.add(sid if isinstance(sid, str) else "")
        _put(statements, str(sid), _statement(element))
        if old and _has_variable(element):
            message = "`&{` is not supported in a document of this version"
            fail(block, "terraform-policy", message, "write version 2012-10-17")
    for name in ("override_json", "override_policy_documents"):
        doubt = _merge_documents(statements, heads, read(name), block, name)
        if doubt is not None:
            return doubt
    if statements:
        heads["Statement"] = tuple_value(value for _, value in statements)
    return encode(object_value(heads))


def _raise(heads: dict[str, Value], version: Value) -> None:
    """Take over a version, if it is later than the one that is there."""
    held = heads.get("Version")
    if held is None or not isinstance(version.v, str) or version.v > str(held.v):
        heads["Version"] = version


def _has_variable(element: Value) -> bool:
    """Whether a statement has a policy variable where the provider looks for one."""
    given = element.v
    lists = [given["resources"], given["not_resources"]]
    for name, inner in (
        ("principals", "identifiers"),
        ("not_principals", "identifiers"),
        ("condition", "values"),
    ):
        lists += [each.v[inner] for each in given[name].v or () if given[name].known]
    texts = (each.v for value in lists if isinstance(value.v, list) for each in value.v)
    return any(isinstance(text, str) and "&{" in text for text in texts)


def minified(document: Value) -> Value:
    """`minified_json`, given `json`."""
    if not isinstance(document.v, str):
        return document
    text = json.dumps(json.loads(document.v), separators=(",", ":"), ensure_ascii=False)
    return string(_go_escapes(text)).marked(document.marks)


def _undecided(reason: Value) -> Value:
    found = first_unknown(reason)
    cause = found.cause if found is not None else "apply"
    origin = found.origin if found is not None else "a policy document"
    return unknown(STRING, cause, origin, not_null=True, marks=deep_marks(reason))


def encode(document: Value) -> Value:
    """The document as the provider prints it, or a text of known structure with unknowns."""
    if first_unknown(document) is None:
        marks = deep_marks(document)
        text = json.dumps(_ordered(to_python(document)), indent=2, ensure_ascii=False)
        return string(_go_escapes(text)).marked(marks)
    return json_text.jsonencode([document])


def _ordered(value: Any) -> Any:
    """The document with the keys in the order of the provider's own types, others by name."""
    if isinstance(value, list):
        return [_ordered(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    first = [key for key in _ORDER if key in value]
    return {key: _ordered(value[key]) for key in dict.fromkeys((*first, *sorted(value)))}


def _go_escapes(text: str) -> str:
    """Go's JSON writes these three as escapes."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _statement(element: Value) -> Value:
    """One statement in the form of IAM's JSON."""
    given = element.v
    values: dict[str, Value] = {}
    sid = given["sid"]
    if sid.v:
        values["Sid"] = sid
    effect = given["effect"]
    values["Effect"] = effect if effect.v else string("Allow")
    for name, written in _LISTS:
        value = given[name]
        if value.v is not None and value.v != []:
            values[written] = _one_or_many(value, variables="resources" in name)
    for name, written in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if given[name].v:
            values[written] = _principals(given[name])
    if given["condition"].v:
        values["Condition"] = _conditions(given["condition"])
    return object_value(values)


def _one_or_many(value: Value, reverse: bool = True, variables: bool = True) -> Value:
    """A set of texts as IAM writes it: one alone, several as a list in reverse order."""
    if not value.known:
        return value
    elements = [_interpolated(each) if variables else each for each in value.v]
    if len(elements) == 1:
        return elements[0].marked(value.marks)
    if reverse and all(isinstance(each.v, str) for each in elements):
        elements.sort(key=lambda each: str(each.v), reverse=True)
    return tuple_value(elements).marked(value.marks)


def _interpolated(value: Value) -> Value:
    if isinstance(value.v, str) and "&{" in value.v:
        return string(value.v.replace("&{", "${")).marked(value.marks)
    return value


def _principals(blocks: Value) -> Value:
    by_type: dict[str, list[Value]] = {}
    marks = blocks.marks
    for each in _distinct(blocks, _principals_key):
        type, identifiers = each.v["type"], each.v["identifiers"]
        if not type.known or not identifiers.known:
            return unknown_of(blocks)
        own = list(identifiers.v)
        if all(isinstance(one.v, str) for one in own):
            own.sort(key=lambda one: str(one.v), reverse=True)
        by_type[str(type.v)] = [*by_type.get(str(type.v), []), *own]
        marks = marks | identifiers.marks
    if len(by_type) == 1 and "*" in by_type and [each.v for each in by_type["*"]] == ["*"]:
        return string("*").marked(marks)
    values = {}
    for type_name, listed in sorted(by_type.items()):
        values[type_name] = _one_or_many(tuple_value(listed), reverse=False)
    return object_value(values).marked(marks)


def _principals_key(block: Value) -> str:
    """Where a block of principals stands in the provider's set: by the CRC of its text."""
    type, identifiers = block.v["type"], block.v["identifiers"]
    listed = identifiers.v if identifiers.known and identifiers.v is not None else []
    texts = sorted((f"{each.v};" for each in listed), key=lambda text: str(crc32(text.encode())))
    return str(crc32(f"identifiers:{{{''.join(texts)}}};type:{type.v};".encode()))


def _conditions(blocks: Value) -> Value:
    """Conditions by test and variable; values of equal ones are put together."""
    by_test: dict[str, dict[str, Value]] = {}
    for each in _distinct(blocks, _condition_key):
        test, variable, values = each.v["test"], each.v["variable"], each.v["values"]
        if not test.known or not variable.known:
            return unknown_of(blocks)
        found = by_test.setdefault(str(test.v), {})
        value, held = _one_or_many(values, reverse=False), found.get(str(variable.v))
        if held is not None and value.known and held.known:
            both = [*_elements(held), *_elements(value)]
            value = tuple_value(both).marked(held.marks | value.marks)
        found[str(variable.v)] = value
    return object_value(
        {test: object_value(dict(sorted(found.items()))) for test, found in sorted(by_test.items())}
    )


def _elements(value: Value) -> list[Value]:
    return list(value.v) if value.v.__class__ is list else [value]


def _distinct(blocks: Value, key: Callable[[Value], str]) -> list[Value]:
    """The blocks of a set, each once, in the order of the provider."""
    found: dict[str, Value] = {}
    for at, each in enumerate(blocks.v):
        known = first_unknown(each) is None
        found.setdefault(key(each) if known else f"{key(each)}?{at}", each)
    return [found[each] for each in sorted(found)]


def _condition_key(block: Value) -> str:
    """Where a condition stands in the provider's set."""
    given = block.v
    values = given["values"].v if isinstance(given["values"].v, list) else []
    texts = "".join(f"{each.v};" for each in values)
    text = f"test:{given['test'].v};values:({texts});variable:{given['variable'].v};"
    return str(crc32(text.encode()))


def unknown_of(value: Value) -> Value:
    """An unknown for the same reason as the first one inside the value."""
    found = first_unknown(value)
    cause = found.cause if found is not None else "apply"
    origin = found.origin if found is not None else "a policy document"
    return unknown(STRING, cause, origin, marks=deep_marks(value))


def _put(statements: list[tuple[str, Value]], sid: str, statement: Value) -> None:
    """Add a statement; one with the same sid is replaced in its place."""
    if sid:
        for number, (other, _) in enumerate(statements):
            if other == sid:
                statements[number] = (sid, statement)
                return
    statements.append((sid, statement))


def _merge_documents(
    statements: list[tuple[str, Value]],
    heads: dict[str, Value],
    given: Value,
    block: Block,
    name: str,
) -> Value | None:
    """Merge documents given as text; `heads` is all but statements. An unknown one: all unknown."""
    if given.v is None:
        return None
    if not given.known:
        return _whole(given)
    seen: set[Any] = {sid for sid, _ in statements}
    for text in given.v if isinstance(given.v, list) else [given]:
        if not text.known:
            return _whole(text)
        if not text.v:
            continue
        try:
            document = json.loads(text.v)
            listed = document.get("Statement", [])
            if not isinstance(listed, list):
                raise ValueError("its Statement is no list")
        except (ValueError, AttributeError, RecursionError) as error:
            fail(block, "terraform-policy", f"`{name}` holds no policy document: {error}")
        if isinstance(document.get("Id"), str) and document["Id"]:
            heads["Id"] = string(document["Id"]).marked(text.marks)
        if isinstance(document.get("Version"), str) and document["Version"]:
            _raise(heads, string(document["Version"]).marked(text.marks))
        read = [_normal(each) for each in listed if isinstance(each, dict)]
        for each in read:
            sid = each.get("Sid")
            if sid and name == "source_policy_documents" and sid in seen:
                fail(block, "terraform-policy", f"the sid `{sid}` stands twice in `{name}`")
            seen.add(sid)
        for each in read:
            _put(statements, str(each.get("Sid", "")), from_python(each).marked(text.marks))
    return None


def _normal(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement as the provider reads it: names in any case, lists in its own order."""
    folded = {name.lower(): name for name in _STATEMENT}
    found: dict[str, Any] = {}
    for given, value in statement.items():
        name = folded.get(given.lower())
        if name is None or value is None or (value in ("", {}) and name not in _RAW):
            continue
        if name in ("Principal", "NotPrincipal"):
            value = _read_principals(value)
        elif name == "Condition" and isinstance(value, dict):
            value = {
                test: {each: _alone(values) for each, values in inner.items()}
                for test, inner in value.items()
                if isinstance(inner, dict)
            }
        found[name] = value
    return found


def _read_principals(value: Any) -> Any:
    if isinstance(value, str):
        return "*"
    if not isinstance(value, dict):
        return value
    found = {
        type: sorted(map(str, listed), reverse=True) if isinstance(listed, list) else listed
        for type, listed in value.items()
    }
    return "*" if found in ({"*": ["*"]}, {"*": "*"}) else found


def _alone(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _whole(value: Value) -> Value:
    found = value.v
    return unknown(STRING, found.cause, found.origin, not_null=True, marks=value.marks)

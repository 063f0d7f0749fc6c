"""The `detection` of a rule → trees.

The modifiers of nine items in ten (none, contains, startswith, endswith, all) only put stars at the
ends of a text; they are applied here. All others, and what is no text, are pySigma's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay.engine.siem.tree import (
    ANY,
    And,
    Detections,
    Exists,
    Or,
    Parts,
    Pattern,
    RefusedError,
    Tree,
    from_pysigma,
    join,
    parts_of,
)

# Modifier → whether it puts a star before and after the text.
STARS = {"contains": (True, True), "startswith": (False, True), "endswith": (True, False)}

Placeholders = Mapping[str, list[str]]


def read(data: Any, placeholders: Placeholders | None = None) -> Detections:
    """The detections of a rule. Raises RefusedError or pySigma's SigmaError."""
    if not isinstance(data, Mapping):
        raise RefusedError("its detection is no map")
    conditions = data.get("condition")
    conditions = conditions if isinstance(conditions, list) else [conditions]
    if not conditions or not all(isinstance(one, str) for one in conditions):
        raise RefusedError("its detection has no condition")
    named = {
        str(name): _detection(one, placeholders or {})
        for name, one in data.items()
        if name != "condition"
    }
    return Detections(named, conditions)


def _detection(data: Any, placeholders: Placeholders) -> Tree:
    if isinstance(data, Mapping):
        items = [_item(str(key), value, placeholders) for key, value in data.items()]
        linking: type[And] | type[Or] = And
    elif isinstance(data, list) and any(isinstance(item, Mapping | list) for item in data):
        items = [_detection(item, placeholders) for item in data]
        linking = Or
    else:
        return _item(None, data, placeholders)
    if not items:
        raise RefusedError("a detection is empty")
    return join(linking, items)


def _item(key: str | None, value: Any, placeholders: Placeholders) -> Tree:
    field, *words = key.split("|") if key is not None else [""]
    values = value if isinstance(value, list) else [value]
    linking: type[And] | type[Or] = Or
    rest = words
    if words[-1:] == ["all"]:
        linking, rest = And, words[:-1]
    stars = STARS.get(rest[0]) if len(rest) == 1 else None if rest else (False, False)
    if stars is None or not values or not all(type(one) is str and one for one in values):
        return from_pysigma(_pysigma(key, field or None, words, values, placeholders))
    return join(linking, [_pattern(field or None, one, stars) for one in values])


def _pattern(field: str | None, text: str, stars: tuple[bool, bool]) -> Tree:
    parts: Parts = (text,)
    if "*" in text or "?" in text or "\\\\" in text:
        from sigma.types import SigmaString

        parts = parts_of(SigmaString(text).s)
    if stars[0] and parts[0] is not ANY:
        parts = (ANY, *parts)
    if stars[1] and parts[-1] is not ANY:
        parts = (*parts, ANY)
    if parts == (ANY,) and field is not None:
        return Exists(field)
    return Pattern(field, parts)


def _pysigma(
    key: str | None, field: str | None, words: list[str], values: list[Any], given: Placeholders
) -> Any:
    """pySigma's item, with the user's values in the place of placeholders."""
    from sigma.exceptions import SigmaModifierError
    from sigma.modifiers import SigmaRegularExpressionModifier, modifier_mapping
    from sigma.rule import SigmaDetectionItem
    from sigma.types import SigmaString, sigma_type

    for word in words:
        if word not in modifier_mapping:
            raise SigmaModifierError(f"unknown modifier {word}")
    if any(isinstance(one, Mapping | list) for one in values):
        raise RefusedError("a value is a map or a list of lists")
    modifiers = [modifier_mapping[word] for word in words]
    if SigmaRegularExpressionModifier in modifiers:
        if not all(isinstance(one, str) for one in values):
            raise RefusedError(f"{key}: a regular expression is text")
        made: list[Any] = [SigmaString.from_str(one) for one in values]
    else:
        made = [sigma_type(one) for one in values]
    item = SigmaDetectionItem(field, modifiers, made)
    if given:
        item.value = [one for value in item.value for one in _expanded(value, given)]
    return item


def _expanded(value: Any, placeholders: Placeholders) -> list[Any]:
    """The values that a value with `%name%` stands for; a name without values stays."""
    from sigma.types import SigmaRegularExpression, SigmaString

    def values(placeholder: Any) -> Iterator[Any]:
        given = placeholders.get(placeholder.name)
        yield from [placeholder] if given is None else given

    if isinstance(value, SigmaString | SigmaRegularExpression) and (
        value.contains_placeholder(include=list(placeholders))
    ):
        return list(value.replace_placeholders(values))
    return [value]

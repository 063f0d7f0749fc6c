"""The `detection` of a rule → pySigma's SigmaDetections, modifiers applied.

pySigma's own reader goes through each text character by character; most texts have nothing that
needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay.engine.siem.tree import RefusedError


def read(data: Any) -> Any:
    """The detections of a rule. Raises RefusedError or pySigma's SigmaError."""
    from sigma.rule import SigmaDetections

    if not isinstance(data, Mapping):
        raise RefusedError("its detection is no map")
    conditions = data.get("condition")
    conditions = conditions if isinstance(conditions, list) else [conditions]
    if not conditions or not all(isinstance(one, str) for one in conditions):
        raise RefusedError("its detection has no condition")
    named = {str(name): _detection(one) for name, one in data.items() if name != "condition"}
    return SigmaDetections(detections=named, condition=list(conditions))


def _detection(data: Any) -> Any:
    from sigma.rule import SigmaDetection

    if isinstance(data, Mapping):
        return SigmaDetection([_item(str(key), value) for key, value in data.items()])
    if isinstance(data, list) and any(isinstance(item, Mapping | list) for item in data):
        return SigmaDetection([_detection(item) for item in data])
    return SigmaDetection([_item(None, data)])


def _item(key: str | None, value: Any) -> Any:
    from sigma.exceptions import SigmaModifierError
    from sigma.modifiers import SigmaRegularExpressionModifier, modifier_mapping
    from sigma.rule import SigmaDetectionItem
    from sigma.types import SigmaString

    field, *words = key.split("|") if key is not None else [""]
    for word in words:
        if word not in modifier_mapping:
            raise SigmaModifierError(f"unknown modifier {word}")
    modifiers = [modifier_mapping[word] for word in words]
    values = value if isinstance(value, list) else [value]
    if SigmaRegularExpressionModifier in modifiers:
        if not all(isinstance(one, str) for one in values):
            raise RefusedError(f"{key}: a regular expression is text")
        made: list[Any] = [SigmaString.from_str(one) for one in values]
    else:
        made = [_typed(one) for one in values]
    return SigmaDetectionItem(field or None, modifiers, made)


def _typed(value: Any) -> Any:
    from sigma.types import SigmaString, sigma_type

    if type(value) is not str:
        if isinstance(value, Mapping | list):
            raise RefusedError("a value is a map or a list of lists")
        return sigma_type(value if isinstance(value, bool | int | float | None) else str(value))
    if value and "*" not in value and "?" not in value and "\\\\" not in value:
        return SigmaString.from_str(value)  # nothing in it is special: the text is the only part
    return SigmaString(value)


def expand(detections: Any, placeholders: Mapping[str, list[str]]) -> None:
    """Puts the user's values in the place of `%name%`; a name without values stays."""
    from sigma.types import SigmaRegularExpression, SigmaString

    def values(placeholder: Any) -> Iterator[Any]:
        given = placeholders.get(placeholder.name)
        yield from [placeholder] if given is None else given

    def expanded(value: Any) -> list[Any]:
        if isinstance(value, SigmaString | SigmaRegularExpression) and (
            value.contains_placeholder(include=list(placeholders))
        ):
            return list(value.replace_placeholders(values))
        return [value]

    def walk(detection: Any) -> None:
        for item in detection.detection_items:
            if hasattr(item, "detection_items"):
                walk(item)
            else:
                item.value = [made for value in item.value for made in expanded(value)]

    for detection in detections.detections.values():
        walk(detection)

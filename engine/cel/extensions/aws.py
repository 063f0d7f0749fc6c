"""aws.statements: an IAM policy document in one normal form, whichever way it was written.

    sid            text, "" where there is none
    effect         as written: IAM itself takes `Allow` and `Deny` only
    principals     ["AWS:arn:...", "Service:ec2.amazonaws.com"]; `*` alone is "AWS:*", its equal
    actions        lower case, since IAM compares actions without case
    resources      as written: ARNs are compared with case
    not_principals, not_actions, not_resources   apart, in the same form
    conditions     [{operator, key, values}]: key in lower case, values as texts; a condition holds
                   if all entries hold

Each list is a list, also where one text was written; what is absent is empty. What is unknown
stays an unknown at its place, so that the rest can be judged.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.engine.cel.extensions.parse import parse_json
from assay.engine.model import Incomplete, Unknown

ELEMENTS = {
    "actions": ("action", "actions"),
    "not_actions": ("notaction", "not_actions"),
    "resources": ("resource", "resources"),
    "not_resources": ("notresource", "not_resources"),
}


def statements(document: Any) -> Any:
    """The statements of a document given as JSON text or as its structure.

    Terraform's own form (`aws_iam_policy_document`) is read too. Raises ValueError for a text that
    is no JSON, TypeError for a value that is no document.
    """
    if isinstance(document, str) or (isinstance(document, Unknown) and document.structure):
        document = parse_json(document)
    if isinstance(document, Unknown):
        return document
    if isinstance(document, dict):
        document = _folded(document).get("statement")
        if document is None:
            return []
    if isinstance(document, dict):
        document = [document]
    if isinstance(document, Unknown):
        return document
    if not isinstance(document, list):
        raise TypeError("aws.statements takes a policy document")
    return _each(document, _statement)


def _statement(written: Any) -> Any:
    if isinstance(written, Unknown):
        return written
    if not isinstance(written, dict):
        raise TypeError("a statement of a policy document is no object")
    given = _folded(written)
    found: dict[str, Any] = {
        "sid": _text(given.get("sid")),
        "effect": _text(given.get("effect")),
        "principals": _principals(_first(given, ("principal", "principals"))),
        "not_principals": _principals(_first(given, ("notprincipal", "not_principals"))),
        "conditions": _conditions(given.get("condition")),
    }
    for name, elements in ELEMENTS.items():
        texts = _listed(_first(given, elements))
        found[name] = _each(texts, _lowered) if name.endswith("actions") else texts
    return found


def _text(written: Any) -> Any:
    return "" if written is None else written


def _folded(written: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in written.items()}


def _first(given: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _each(values: Any, change: Callable[[Any], Any]) -> Any:
    """A list with each element changed; unknown lists stay what they are."""
    if isinstance(values, Unknown):
        return values
    changed = [change(value) for value in values]
    return Incomplete(changed, values.rest) if isinstance(values, Incomplete) else changed


def _listed(value: Any) -> Any:
    """One or many as many. An unknown may be either: it is one element only if it is a text."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, Unknown):
        text = value.type == "string" or value.prefix or value.suffix
        return [value] if text else value
    return [value]


def _lowered(action: Any) -> Any:
    if isinstance(action, str):
        return action.lower()
    if isinstance(action, Unknown) and (action.prefix or action.suffix):
        return Unknown(
            action.cause,
            action.origin,
            identity=action.identity and f"lower({action.identity})",
            not_null=action.not_null,
            type="string",
            prefix=action.prefix.lower(),
            suffix=action.suffix.lower(),
            least=action.least,
            refs=action.refs,
        )
    return action


def _principals(written: Any) -> Any:
    if written is None:
        return []
    if isinstance(written, str):
        return [_principal("AWS", written)]
    if isinstance(written, Unknown):
        return written
    if isinstance(written, dict):
        pairs = [(kind, _listed(ids)) for kind, ids in written.items()]
    else:
        # Terraform's blocks: [{type, identifiers}].
        if any(not isinstance(block, dict) for block in written):
            return _each(written, lambda block: block if isinstance(block, Unknown) else str(block))
        pairs = [(block.get("type"), _listed(block.get("identifiers"))) for block in written]
    found: list[Any] = []
    rest: Unknown | None = written.rest if isinstance(written, Incomplete) else None
    for kind, ids in pairs:
        if isinstance(ids, Unknown):
            rest = ids
            continue
        found += [_principal(kind, one) for one in ids]
        rest = ids.rest if isinstance(ids, Incomplete) else rest
    return found if rest is None else Incomplete(found, rest)


def _principal(kind: Any, one: Any) -> Any:
    if isinstance(kind, Unknown):
        return kind
    kind = "AWS" if kind in (None, "*") else kind
    if isinstance(one, Unknown):
        return Unknown(
            one.cause,
            one.origin,
            identity=one.identity and f"{kind}:{one.identity}",
            family=one.family and f"{kind}:{one.family}",
            not_null=True,
            type="string",
            prefix=f"{kind}:{one.prefix}",
            suffix=one.suffix,
            least=len(kind) + 1 + one.least,
            refs=one.refs,
        )
    return f"{kind}:{one}"


def _conditions(written: Any) -> Any:
    if written is None or isinstance(written, Unknown):
        return [] if written is None else written
    if isinstance(written, list):
        return _each(written, _block)
    found: list[dict[str, Any]] = []
    for operator, keys in written.items():
        if isinstance(keys, Unknown):
            found.append({"operator": operator, "key": keys, "values": keys})
            continue
        for key, values in keys.items():
            found.append(_condition(operator, key, values))
    return found


def _block(block: Any) -> Any:
    """Terraform's `condition { test, variable, values }`."""
    if isinstance(block, Unknown):
        return block
    given = _folded(block)
    return _condition(given.get("test"), given.get("variable"), given.get("values"))


def _condition(operator: Any, key: Any, values: Any) -> dict[str, Any]:
    return {
        "operator": operator,
        "key": key.lower() if isinstance(key, str) else key,
        "values": _each(_listed(values), _value),
    }


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value

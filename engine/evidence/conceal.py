"""Values → the same values with a marker for every secret, so that a replay judges alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.engine.cel.extensions import secrets
from assay.engine.kubernetes.redaction import is_secret
from assay.engine.model import Incomplete, Resource, Unknown

# `secrets.kind` and `secrets.mark` read a marker as the secret it stands for: what may be said of
# it stands after the colon, its class first; a marked value that has no class keeps none.
MARKER = "(secret: {})"
MARKED = "(secret: , marked)"
# What stands under the name of a secret and is none: an address of it, whether there is one, or
# what everybody knows, which is what some controls look for.
_HARMLESS = re.compile(
    r"(?:arn:|/|\$|\{)|(?:true|false|null|none|admin|password|changeme)\Z", re.IGNORECASE
)
# A secret said inside a longer text: a command, a script, a connection string.
_SAID = re.compile(
    r"""(?:password|passwd|passphrase|pwd|secret|token|credentials?|(?:api|access|private)[_-]?key)
    ["']?\s*[=:]\s*["']?(?P<value>[^\s"'&;,|<>(){}\[\]$%]{4,})
    |\blogin\b[^\n|;&]{0,200}\s-p\s+(?P<login>[^\s"'$({]{4,})""",
    re.IGNORECASE | re.VERBOSE,
)
HIDDEN = "(hidden)"
MIN_TEXT = 4  # characters: a shorter secret is not looked for in the files it came from


class Concealed:
    """Hides the secrets of resources, and remembers their texts so that files can be judged."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def values(self, resource: Resource) -> Any:
        """The resource's values with no secret in them."""
        marked: dict[Any, Any] = {}
        for path in resource.sensitive:
            branch = marked
            for step in path:
                branch = branch.setdefault(step, {})
            branch[None] = True
        return self._copy(resource.values, marked, "", False)

    def _copy(self, value: Any, marked: Mapping[Any, Any], name: str, hide: bool) -> Any:
        hide = hide or None in marked
        if isinstance(value, dict):
            return {
                key: self._copy(inner, marked.get(key, {}), _name(value, key, name), hide)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            items = [
                self._copy(inner, marked.get(number, {}), name, hide)
                for number, inner in enumerate(value)
            ]
            return Incomplete(items, value.rest) if isinstance(value, Incomplete) else items
        if isinstance(value, str):
            return self.text(value, name, hide)
        if isinstance(value, Unknown):
            return self._unknown(value, name, hide)
        if hide and not isinstance(value, bool) and value is not None:
            self.texts.add(str(value))
            return type(value)(0)
        return value

    def text(self, text: str, name: str = "", hide: bool = False) -> str:
        """The text, or the marker of the secret that it is or holds."""
        if not text or text.startswith("(secret: "):
            return text
        found = str(secrets.kind(name, text))
        # A weak password is none by its looks: it is hidden for what it is called.
        if not found and not hide and not (is_secret(name) and not _HARMLESS.match(text)):
            return _SAID.sub(self._said, text)
        self.texts.add(text)
        return MARKER.format(secrets.mark(name, text)) if found else MARKED

    def _said(self, found: re.Match[str]) -> str:
        """What a text says of a secret (`--password=…`), without the secret."""
        value = found["value"] or found["login"]
        if _HARMLESS.match(value):
            return found[0]
        self.texts.add(value)
        return found[0][: -len(value)] + HIDDEN

    def _unknown(self, value: Unknown, name: str, hide: bool) -> Unknown:
        known = [value.prefix, value.suffix]
        secret = hide or any(secrets.kind(name, text) for text in known)
        if not secret and value.structure is None:
            return value
        self.texts.update(text for text in known if secret and text)
        structure = value.structure
        if structure is not None:
            structure = (structure[0], self._copy(structure[1], {}, name, hide))
        return Unknown(
            value.cause,
            value.origin,
            identity=value.identity,
            family=value.family,
            not_null=value.not_null,
            type=value.type,
            prefix="" if secret else value.prefix,
            suffix="" if secret else value.suffix,
            structure=structure,
            least=value.least,
            refs=value.refs,
        )

    def holds(self, data: bytes) -> bool:
        """Whether a file's bytes hold one of the secrets that were hidden."""
        return any(
            text.encode("utf-8", "surrogatepass") in data
            for text in self.texts
            if len(text) >= MIN_TEXT
        )


def _name(owner: Mapping[Any, Any], key: Any, above: str) -> str:
    """How a value is called: `{name: PASSWORD, value: …}` is called PASSWORD.

    The default of a variable is called as the variable is.
    """
    if key == "default" and above:
        return above
    if key == "value":
        called = owner.get("name", owner.get("key"))
        if isinstance(called, str):
            return called
    return str(key)

"""parse.hcl: HCL inside ConfigMaps and attributes (Vault's configuration and policies), as values.

It stands here, above both: the language of checks and the parser of Terraform are neighbours.
"""

from __future__ import annotations

from typing import Any

from assay.engine.model import Unknown

MAX_TEXT = 1024 * 1024  # characters
MAX_NODES = 100_000


def parse_hcl(text: Any) -> Any:
    """The body of an HCL text: attributes by name, blocks by type as lists.

    A block is its own body with `labels`. An expression that is no constant stands as the text
    that it was written as. Raises ValueError for what is no HCL, TypeError for no text.
    """
    if isinstance(text, Unknown):
        identity = f"parse.hcl({text.identity})" if text.identity else None
        return Unknown(text.cause, text.origin, identity=identity, refs=text.refs)
    if not isinstance(text, str):
        raise TypeError("parse.hcl takes a text")
    if len(text) > MAX_TEXT:
        raise ValueError("parse.hcl: the text is too large")
    from assay.engine.errors import Text
    from assay.engine.terraform import hcl

    parsed = hcl.parse(Text("", text if text.endswith("\n") else f"{text}\n"))
    if parsed.problems:
        raise ValueError(f"not HCL: {parsed.problems[0].message}")
    return _Values().body(parsed.body)


class _Values:
    """Nodes → plain values, within a budget."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def body(self, body: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: self.value(attribute.expression) for name, attribute in body.attributes.items()
        }
        for block in body.blocks:
            inner = {"labels": list(block.labels), **self.body(block.body)}
            listed = found.setdefault(block.type, [])
            if not isinstance(listed, list):
                raise ValueError(f"not HCL: `{block.type}` is an attribute and a block")
            listed.append(inner)
        return found

    def value(self, node: Any) -> Any:
        from assay.engine.terraform import export, syntax

        self.left -= 1
        if self.left < 0:
            raise ValueError("parse.hcl: too many values")
        if isinstance(node, syntax.Literal):
            return export.to_python(node.value)
        if isinstance(node, syntax.Parenthesised):
            return self.value(node.inner)
        if isinstance(node, syntax.Tuple):
            return [self.value(element) for element in node.elements]
        if isinstance(node, syntax.Object):
            return {str(self.value(key)): self.value(value) for key, value in node.items}
        return node.text.text[node.start : node.end]

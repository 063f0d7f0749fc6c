"""parse.properties, parse.nginx and parse.fluentbit: configuration inside ConfigMaps, as values.

Small readers of what the programs themselves read: enough to judge by, bounded in size, and
loud about what they cannot read.
"""

from __future__ import annotations

import re
from typing import Any

from assay.engine.cel.extensions.parse import parse_yaml
from assay.engine.model import Unknown

MAX_TEXT = 1024 * 1024  # characters
MAX_NESTING = 50
MAX_DIRECTIVES = 50_000
_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<mark>[{};])|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<bare>(?:[^\s{};"'\\]|\\.|\$\{[^}\s]*\})(?:[^\s{};\\]|\\.|\$\{[^}\s]*\})*)""",
    re.DOTALL,
)
_SECTION = re.compile(r"\[\s*([A-Za-z_]+)\s*\]\Z")


def parse_properties(text: Any) -> Any:
    """`key = value` lines, as Kafka, PostgreSQL and Java have them → map of texts, later lines win.

    A section of an INI file (`[auth.anonymous]`) stands before its keys, with a dot. Comments begin
    with `#`, `;` or `!`; quotes around a value are taken off. Raises TypeError for no text,
    ValueError for one that is too large.
    """
    if isinstance(text, Unknown):
        return _unknown(text, "parse.properties")
    found: dict[str, str] = {}
    section = ""
    for line in _checked(text, "parse.properties").replace("\\\n", "").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = f"{line[1:-1].strip()}."
            continue
        if not line or line[0] in "#!;[":
            continue
        split = re.match(r"([^=:\s]+)\s*[=:\s]\s*(.*)", line)
        if split is None:
            continue
        value = split[2].strip()
        if value[:1] in ("'", '"'):
            value = value[1:].partition(value[0])[0]
        else:
            value = re.split(r"\s+#", value, maxsplit=1)[0].strip()
        found[section + split[1]] = value
    return found


def parse_nginx(text: Any) -> Any:
    """Directives of an NGINX configuration, flat and in order: {name, args, context, block}.

    `context` is the path of block names around it (`http/server`); `block` says whether it opens
    one. Raises ValueError for what NGINX would refuse to read too, TypeError for no text.
    """
    if isinstance(text, Unknown):
        return _unknown(text, "parse.nginx")
    found: list[dict[str, Any]] = []
    context: list[str] = []
    words: list[str] = []
    for mark, word in _tokens(_checked(text, "parse.nginx")):
        if not mark:
            words.append(word)
            continue
        if mark == "}":
            if words or not context:
                raise ValueError("NGINX: a `}` that closes nothing, or a `;` is missing before it")
            context.pop()
            continue
        if not words:
            raise ValueError(f"NGINX: a `{mark}` with no directive before it")
        found.append(
            {
                "name": words[0],
                "args": words[1:],
                "context": "/".join(context),
                "block": mark == "{",
            }
        )
        if mark == "{":
            context.append(words[0])
        if len(context) > MAX_NESTING or len(found) > MAX_DIRECTIVES:
            raise ValueError("NGINX: too large or nested too deeply")
        words = []
    if words or context:
        raise ValueError("NGINX: the text ends inside a directive")
    return found


def _tokens(text: str) -> Any:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"NGINX: cannot read {text[at : at + 20]!r}")
        at = found.end()
        if found["mark"]:
            yield found["mark"], ""
        else:
            word = next(
                (found[name] for name in ("double", "single", "bare") if found[name] is not None),
                None,
            )
            if word is not None:
                yield "", word


def parse_fluentbit(text: Any) -> Any:
    """Sections of a Fluent Bit configuration in either format: list of {section, settings}.

    Names are in lower case (`output`, `tls.verify`), values are texts. Raises ValueError for a
    setting outside any section, TypeError for no text.
    """
    if isinstance(text, Unknown):
        return _unknown(text, "parse.fluentbit")
    text = _checked(text, "parse.fluentbit")
    if re.search(r"^(?:pipeline|service)\s*:", text, re.MULTILINE):
        return _fluentbit_yaml(parse_yaml(text))
    sections: list[dict[str, Any]] = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#@":
            continue
        header = _SECTION.match(line)
        if header:
            sections.append({"section": header[1].lower(), "settings": {}})
        elif not sections:
            raise ValueError("Fluent Bit: a setting before the first section")
        else:
            name, _, value = line.partition(" ")
            sections[-1]["settings"][name.lower()] = value.strip()
    return sections


def _fluentbit_yaml(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise ValueError("Fluent Bit: the configuration is no mapping")
    sections: list[dict[str, Any]] = []
    service = document.get("service")
    if isinstance(service, dict):
        sections.append({"section": "service", "settings": _texts(service)})
    pipeline = document.get("pipeline")
    for key, name in (("inputs", "input"), ("filters", "filter"), ("outputs", "output")):
        listed = pipeline.get(key) if isinstance(pipeline, dict) else None
        for entry in listed if isinstance(listed, list) else ():
            settings = _texts(entry) if isinstance(entry, dict) else {}
            sections += [{"section": name, "settings": settings}]
    return sections


def _texts(entries: dict[str, Any]) -> dict[str, str]:
    found = {}
    for key, value in entries.items():
        if isinstance(value, bool):
            value = "on" if value else "off"
        if value is not None and not isinstance(value, (dict, list)):
            found[str(key).lower()] = str(value)
    return found


def _checked(text: Any, function: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{function} takes a text")
    if len(text) > MAX_TEXT:
        raise ValueError(f"{function}: the text is too large")
    return text.replace("\r\n", "\n")


def _unknown(text: Unknown, function: str) -> Unknown:
    identity = f"{function}({text.identity})" if text.identity else None
    return Unknown(text.cause, text.origin, identity=identity, refs=text.refs)

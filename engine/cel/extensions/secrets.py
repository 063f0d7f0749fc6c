"""secrets.kind: whether a text that is written down somewhere is a secret, and of which kind.

Two ways: the text has the form that an issuer gives its secrets, or its name says that it is one
and it looks like nothing else. A finding here stops somebody's merge, so placeholders, references,
templates and examples are not secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections import Counter
from contextvars import ContextVar
from functools import cache
from typing import Any

from assay.engine.model import Unknown

MIN_LENGTH = 8
MASK = "*"
MAX_MASK = 40  # characters of a mask that are shown
# Prefixes that an issuer gives to all its secrets: they tell whose it is and nothing of it.
_PUBLIC = re.compile(
    r"(?:AKIA|ASIA|AIza|GOCSPX-|gh[pousr]_|github_pat_|gl[a-z]{2,6}-|xox[abeoprs]-|xapp-1-"
    r"|[sr]k_(?:live|test)_|npm_|pypi-|SG\.|do[opr]_v1_|hv[sbr]\.|sk-ant-|sk-|eyJ"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|[a-z][a-z0-9+.\-]{1,30}://)"
)
# The key of fingerprints (`--fingerprint-key`); without one there are none.
FINGERPRINT_KEY: ContextVar[bytes | None] = ContextVar("FINGERPRINT_KEY", default=None)
# `name: value`, `name = "value"`, and an entry of an environment, on one line of a file.
_PAIR = re.compile(
    r"""(?P<name>[A-Za-z_][\w.\-]*)["']?\s*(?::=|[:=])\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
    r"""|(?P<bare>[^\s"'{}\[\],]+))"""
)
_ENTRY = re.compile(
    r"""\b(?:name|key)["']?\s*[:=]\s*["']?(?P<name>[\w.\-]+)["']?\s*,\s*["']?value["']?\s*[:=]\s*"""
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'{}\[\],]+))"""
)
MAX_LENGTH = 20_000  # characters looked at: keys and certificates are shorter
# Class → RE2 expression of the forms that issuers document for their secrets.
FORMS = {
    "aws-access-key": r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    "google-api-key": r"\bAIza[0-9A-Za-z_\-]{35}\b",
    "google-oauth-secret": r"\bGOCSPX-[0-9A-Za-z_\-]{28}\b",
    "azure-storage-key": r"AccountKey=[A-Za-z0-9+/]{86}==",
    "github-token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{82})\b",
    "gitlab-token": (
        r"\b(?:glpat|gldt|glrt|glcbt|glptt|glft|glimt|glagent|glsoat)-[A-Za-z0-9_\-]{20,64}"
        r"(?:\.[A-Za-z0-9_.\-]{2,16})?"
    ),
    "slack-token": (
        r"\bxox[abeoprs]-[0-9A-Za-z]{4,14}-[0-9A-Za-z\-]{10,250}|\bxapp-1-[0-9A-Za-z\-]{40,250}"
    ),
    "slack-webhook": (
        r"hooks\.slack\.com/(?:services|workflows)/T[0-9A-Za-z_]{6,}/[0-9A-Za-z_/]{20,}"
    ),
    "stripe-key": r"\b(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{20,250}\b",
    "npm-token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "pypi-token": r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_\-]{50,}",
    "sendgrid-key": r"\bSG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}\b",
    "twilio-key": r"\bSK[0-9a-f]{32}\b",
    "digitalocean-token": r"\bdo[opr]_v1_[0-9a-f]{64}\b",
    "vault-token": r"\bhv[sbr]\.[A-Za-z0-9_\-]{24,250}",
    "openai-key": r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_\-]{20,74}T3BlbkFJ[A-Za-z0-9_\-]{20,74}",
    "anthropic-key": r"\bsk-ant-(?:api|admin)[0-9]{2}-[A-Za-z0-9_\-]{80,120}",
    "private-key": (
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n)*"
        r"(?:[A-Za-z\-]+: [^\n\\]*(?:\s|\\n)+)*[A-Za-z0-9+/=]{16}"
    ),
    "jwt": r"\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{16,}",
    "connection-string": (
        r"\b[a-z][a-z0-9+.\-]{1,30}://[^\s:/@'\"<>]{0,100}:[^\s/@'\"<>]{3,200}@[^\s/@]"
    ),
    "connection-password": (
        r"(?i:\b(?:server|host|data source)=[^;]{1,200};.{0,400}\b(?:password|pwd)=)"
        r"[^;\s'\"]{3,200}"
    ),
}
# Every form holds one of these: a look for them spares most texts the expression.
MARKS = (
    "AKIA",
    "ASIA",
    "AIza",
    "GOCSPX-",
    "AccountKey=",
    "gh",
    "gl",
    "xox",
    "xapp-",
    "hooks.slack",
    "k_live_",
    "k_test_",
    "npm_",
    "pypi-",
    "SG.",
    "SK",
    "_v1_",
    "hv",
    "sk-",
    "PRIVATE KEY",
    "eyJ",
    "://",
    "assword=",
    "pwd=",
    "Pwd=",
    "PWD=",
    "PASSWORD=",
)
# The last words of a name that say: my value is the secret itself.
_NAME = re.compile(
    r"(?:password|passwd|passphrase|pwd|secret|token|credential|"
    r"(?:api|access|secret|private|encryption|signing|auth|master|shared|account)[_\-.]?key"
    r"|client[_\-.]?secret)(?:[_\-.]?(?:value|text|plain|v?[0-9]{1,2}))?\Z",
    re.IGNORECASE,
)
# Names that end so and speak of something else: of where it is, how it is called, how it works.
_ABOUT = re.compile(
    r"(?:existing|image[_\-.]?pull|tls|public|csrf[_\-.]?token[_\-.]?name|next|page|continuation"
    r"|auth[_\-.]?method|no|enable|use|allow|require|rotate|automount.*|service[_\-.]?account)"
    r"[_\-.]?(?:password|secret|token|key|credential)\Z",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:change|replace|insert|fill|set|update|enter|put)[_\- ]?(?:me|this|it|in|here|your|with)"
    r"|your[_\- .]|\A(?:my|the|a|some|your)?[_\-]?(?:secret|password|passwd|token|key)[0-9]?\Z"
    r"|example|sample|placeholder|dummy|fake|redacted|censored|omitted|xxx|\*\*\*|\.\.\.|<[^>]*>"
    r"|\Atest|todo|tbd\Z|none\Z|null\Z|default|undefined|unset|empty|not[_\- ]?(?:a|set|used|real)"
    r"|secret[_\-]?(?:name|key|ref)|base64",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\$\{|\$\(|\{\{|\}\}|<%|%\{|\A\$[A-Za-z_]|\A%[A-Z_]+%\Z|\A(?:arn|vault|ref\+|op|sops|file|env"
    r"|secretsmanager|ssm|projects|keyvault|awssm|gcpsm|azurekv|kms|akv|aws-secretsmanager)(?::|/)"
    r"|\AENC\[|\A/|\A\.{1,2}/|\A(?:https?|tcp|unix)://|\Aenc:|\A!|__[A-Z_]+__|\A@",
    re.IGNORECASE,
)
# Names whose value is a password: people choose words for those, so words are none the better.
_PASSWORD = re.compile(r"(?:password|passwd|passphrase|pwd)\Z", re.IGNORECASE)
# One or more words with separators: a name of something, not a random text.
_WORDS = re.compile(r"[A-Za-z]{2,}(?:[_\-.:/ ]?[A-Za-z]{2,}|[_\-.:/ ]?[0-9]{1,4}(?![0-9]))*\Z")
_ORDINARY = re.compile(
    r"(?:true|false|yes|no|on|off|[0-9.,:_ \-]+|v?[0-9]+(?:\.[0-9a-z\-]+)+|[0-9]+[a-zA-Z]{1,2}"
    r"|[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}|(?:sha256|sha512|sha1|md5):[0-9a-f]+"
    r"|[\w.\-]+\.(?:json|ya?ml|pem|crt|key|txt|conf|cfg|properties|sh|io|com|net|org|local|svc)"
    r"(?:[:/].*)?)\Z",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(r"example|x{6}|0{8}|1{8}|\*{3}", re.IGNORECASE)
# Four in a row of the digits, and four of the alphabet: together they are typed, not made.
_COUNTED = (
    re.compile("|".join("1234567890"[at : at + 4] for at in range(7))),
    re.compile("|".join("abcdefghijklmnopqrstuvwxyz"[at : at + 4] for at in range(23))),
)
MIN_BITS = 3.0  # Shannon bits a character; words of a language have less over so short a text


def kind(name: Any, text: Any) -> Any:
    """The class of the secret that a named text is, "" for none: a key of FORMS or "named".

    A text that is in part unknown is judged by what is known of it, else it is unknown. A marker
    that stands for a secret (`(secret: CLASS)`) is read as the secret that it stands for.
    """
    if isinstance(text, Unknown):
        return _form(text.prefix) or _form(text.suffix) or text
    if not isinstance(text, str) or len(text) < MIN_LENGTH:
        return ""
    if text.startswith("(secret: ") and text.endswith(")"):
        return text[9:-1].split(",")[0]
    found = _form(text)
    if found:
        return found
    return "named" if isinstance(name, str) and _named(name, text) else ""


def mark(name: Any, text: Any) -> Any:
    """What may be said of a secret: its class, its shape without its characters, its fingerprint.

    `aws-access-key, AKIA****************, 20 characters`; with a key, `, fingerprint 1f0c…` of
    HMAC-SHA-256 stands behind it, by which two findings of one secret are known as such.
    """
    if isinstance(text, Unknown):
        return text
    if not isinstance(text, str):
        return ""
    if text.startswith("(secret: "):
        return text[9:-1]
    found = kind(name, text)
    part = _part(text, found)
    said = f"{found or 'secret'}, {_shape(part)}, {len(part)} characters"
    key = FINGERPRINT_KEY.get()
    return said if key is None else f"{said}, fingerprint {fingerprint(key, part)}"


def fingerprint(key: bytes, text: str) -> str:
    """16 hexadecimal digits that only the holder of the key can make for this text."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]


def _part(text: str, found: str) -> str:
    """The secret itself inside a longer text."""
    if found in FORMS:
        match = next((m for m in _forms().finditer(text[:MAX_LENGTH]) if m.lastgroup), None)
        return match.group(0) if match is not None else text
    return text


def _shape(text: str) -> str:
    prefix = _PUBLIC.match(text)
    kept = prefix[0] if prefix is not None else ""
    return kept + MASK * min(len(text) - len(kept), MAX_MASK)


def masked(line: str, every: bool = False) -> str:
    """A line of a file with every secret in it covered, the columns as they were.

    With `every`, all values are covered that are long enough: the name may stand on another line.
    """
    spans: list[tuple[int, int]] = []
    if len(line) > MAX_LENGTH:
        return line[:MAX_LENGTH].translate(_COVER)
    if _may_hold(line):
        for found in _forms().finditer(line):
            name = str(found.lastgroup).replace("_", "-")
            if not _excused(name, found.group(0)):
                prefix = _PUBLIC.match(found.group(0))
                spans.append((found.start() + (prefix.end() if prefix else 0), found.end()))
    for pattern in (_ENTRY, _PAIR) if ":" in line or "=" in line else ():
        for pair in pattern.finditer(line):
            group = next((g for g in ("double", "single", "bare") if pair[g] is not None), "bare")
            text = pair[group] or ""
            if len(text) >= MIN_LENGTH and (every or kind(pair["name"], text) == "named"):
                spans.append(pair.span(group))
    for start, end in spans:
        line = line[:start] + MASK * (end - start) + line[end:]
    return line


_COVER = dict.fromkeys(range(33, 127), MASK)


def _may_hold(text: str) -> bool:
    """Whether the text has what every form has; a loop, which is asked for every text there is."""
    for mark in MARKS:  # noqa: SIM110 - twice as fast as `any`
        if mark in text:
            return True
    return False


def _form(text: str) -> str:
    """The class of the first form that is found in the text."""
    text = text[:MAX_LENGTH]
    if len(text) < MIN_LENGTH or not _may_hold(text):
        return ""
    for found in _forms().finditer(text):
        name = str(found.lastgroup).replace("_", "-")
        if not _excused(name, found.group(0)):
            return name
    return ""


def replaced(text: str) -> str:
    """The text with everything in it that has the form of a secret replaced by its class."""
    if len(text) < MIN_LENGTH or not _may_hold(text):
        return text
    parts: list[str] = []
    done = 0
    for found in _forms().finditer(text):
        name = str(found.lastgroup).replace("_", "-")
        if not _excused(name, found.group(0)):
            parts += [text[done : found.start()], f"(secret: {name})"]
            done = found.end()
    return "".join([*parts, text[done:]]) if parts else text


@cache
def _forms() -> Any:
    """All forms as one expression, compiled when the first text asks for it."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    parts = (f"(?P<{name.replace('-', '_')}>{form})" for name, form in FORMS.items())
    return re2.compile("|".join(parts), options=options)


def _excused(name: str, found: str) -> bool:
    """Whether what has the form of a secret is a placeholder, a reference or an example."""
    if name == "connection-string":
        found = found.split("://", 1)[1].rpartition("@")[0].partition(":")[2]
        return bool(_REFERENCE.search(found) or _PLACEHOLDER.search(found) or len(set(found)) < 3)
    if name == "connection-password":
        found = re.split(r"(?:password|pwd)=", found, flags=re.IGNORECASE)[-1]
        return bool(_REFERENCE.search(found) or _PLACEHOLDER.search(found))
    if name == "private-key":
        return "..." in found
    return bool(_EXAMPLE.search(found))


def _named(name: str, text: str) -> bool:
    """Whether the name says secret and the text is random enough to be one."""
    last = re.split(r"[\[\]/]", name.rstrip("]"))[-1].strip("\"'")
    if not _NAME.search(last) or _ABOUT.search(last):
        return False
    if "\n" in text or len(text) > 512 or " " in text.strip():
        return False
    if _REFERENCE.search(text) or _PLACEHOLDER.search(text) or _ORDINARY.match(text):
        return False
    if all(row.search(text.lower()) for row in _COUNTED):
        return False
    if _PASSWORD.search(last):
        return True
    return not _WORDS.match(text) and _bits(text) >= MIN_BITS


def _bits(text: str) -> float:
    """Shannon entropy a character, in bits."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())

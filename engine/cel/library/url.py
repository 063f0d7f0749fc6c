"""URLs as Go's net/url reads them: `url("https://a.example:8080/p?q=1").getHost()`.

Only absolute URLs and absolute paths are taken; a fragment is cut off first.
"""

from __future__ import annotations

import re
from functools import lru_cache

from assay.engine.cel.functions import Overload
from assay.engine.cel.library import net

MAX_PARAMETERS = 10_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*\Z")
_PORT = re.compile(r"(?::[0-9]*)?\Z")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
# Outside these an ASCII character cannot stand in a host; escaped ones must not be ASCII.
_IN_HOST = r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"]|[^\x00-\x7f]"
_HOST = re.compile(rf"(?:{_IN_HOST}|%25|%[89A-Fa-f][0-9A-Fa-f])*\Z")
_ZONE = re.compile(rf"(?:{_IN_HOST}|%[0-9A-Fa-f]{{2}})*\Z")
_PATH_AS_WRITTEN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/\[\]%]*\Z")
_PATH_SAFE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~$&+,/:;=@"
)


class URL:
    """A parsed URL: host with its port, the path as it was written, and the query."""

    __slots__ = ("host", "key", "path", "query", "scheme", "text")
    cel_type = "kubernetes.URL"

    def __init__(self, text: str, scheme: str, host: str, path: str, query: str) -> None:
        self.text = text
        self.scheme = scheme
        self.host = host
        self.path = path
        self.query = query
        # Two URLs are equal if they are so once their paths are escaped alike.
        self.key = text.replace(path, get_escaped_path(self), 1) if path else text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URL) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"URL({self.text!r})"


@lru_cache(maxsize=1024)
def parse_url(text: str) -> URL:
    """Raises ValueError."""
    # Go parses twice: the whole text must be a URL of a request, then the fragment is cut off.
    _parse(text, request=True)
    return _parse(text.partition("#")[0], request=False, fragment=text.partition("#")[2])


def check(text: str) -> None:
    """Raises ValueError for a text that is no absolute URL and no absolute path."""
    _parse(text, request=True)


def is_url(text: str) -> bool:
    try:
        check(text)
    except ValueError:
        return False
    return True


def get_scheme(parsed: URL) -> str:
    return parsed.scheme


def get_host(parsed: URL) -> str:
    return parsed.host


def get_hostname(parsed: URL) -> str:
    return _split_port(parsed.host)[0]


def get_port(parsed: URL) -> str:
    return _split_port(parsed.host)[1]


def get_escaped_path(parsed: URL) -> str:
    if _PATH_AS_WRITTEN.match(parsed.path):
        return parsed.path
    plain = _unescape(parsed.path).encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _PATH_SAFE else f"%{byte:02X}" for byte in plain)


def get_query(parsed: URL) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if parsed.query.count("&") >= MAX_PARAMETERS:
        return found
    for pair in parsed.query.split("&"):
        if not pair or ";" in pair or _BAD_ESCAPE.search(pair):
            continue
        key, _, value = pair.replace("+", " ").partition("=")
        found.setdefault(_unescape(key), []).append(_unescape(value))
    return found


def _parse(text: str, request: bool, fragment: str = "") -> URL:
    if _CONTROL.search(text) or _CONTROL.search(fragment):
        raise ValueError("invalid control character in URL")
    if not text and request:
        raise ValueError("empty URL")
    if _BAD_ESCAPE.search(fragment):
        raise ValueError("invalid escape in URL")
    if text == "*":
        return URL(text, "", "", "*", "")
    if text.startswith(":"):
        raise ValueError("missing scheme in URL")
    found = _SCHEME.match(text)
    scheme = found[0][:-1].lower() if found else ""
    rest = text[found.end() :] if found else text
    rest, mark, query = rest.partition("?")
    whole = _text(scheme, rest, f"{mark}{query}", fragment)
    if not rest.startswith("/"):
        if scheme:
            return URL(whole, scheme, "", "", query)
        raise ValueError("URL is neither absolute nor an absolute path")
    host = ""
    if rest.startswith("//") and (scheme or not (request or rest.startswith("///"))):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        host = _authority(scheme, authority)
    if _BAD_ESCAPE.search(rest):
        raise ValueError("invalid escape in URL")
    return URL(whole, scheme, host, rest, query)


def _text(scheme: str, rest: str, query: str, fragment: str) -> str:
    """What two URLs are compared by."""
    text = f"{scheme}:{rest}{query}" if scheme else f"{rest}{query}"
    return f"{text}#{fragment}" if fragment else text


def _authority(scheme: str, authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if at and (not _USER.match(user) or _BAD_ESCAPE.search(user)):
        raise ValueError("invalid user information in URL")
    opening = host.rfind("[")
    if opening > 0:
        raise ValueError("invalid address in URL")
    if opening == 0:
        return _literal(host)
    colon = host.find(":") if scheme in ("http", "https") else host.rfind(":")
    if colon >= 0 and not _PORT.match(host[colon:]):
        raise ValueError("invalid port in URL")
    if not _HOST.match(host):
        raise ValueError("invalid character in the host of a URL")
    return _unescape(host)


def _literal(host: str) -> str:
    """A host in brackets: an IPv6 address, perhaps with a zone."""
    closing = host.rfind("]")
    if closing < 0 or not _PORT.match(host[closing + 1 :]):
        raise ValueError("invalid address or port in URL")
    address, mark, zone = host[1:closing].partition("%25")
    if not _HOST.match(address) or not _ZONE.match(zone):
        raise ValueError("invalid address in URL")
    if (mark and not zone) or not net.is_ipv6(address):
        raise ValueError("invalid address in URL")
    return f"[{address}{'%' if mark else ''}{_unescape(zone)}]{host[closing + 1 :]}"


def _split_port(host: str) -> tuple[str, str]:
    colon = host.rfind(":")
    port = ""
    if colon >= 0 and _PORT.match(host[colon:]):
        host, port = host[:colon], host[colon + 1 :]
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host, port


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    return _ESCAPE.sub(_decoded, text)


def _decoded(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "surrogateescape")


EPOCH = (1, 23)
TYPE = URL.cel_type
OVERLOADS: tuple[Overload, ...] = (
    Overload("url", None, ("string",), TYPE, parse_url, EPOCH),
    Overload("isURL", None, ("string",), "bool", is_url, EPOCH),
    Overload("getScheme", TYPE, (), "string", get_scheme, EPOCH),
    Overload("getHost", TYPE, (), "string", get_host, EPOCH),
    Overload("getHostname", TYPE, (), "string", get_hostname, EPOCH),
    Overload("getPort", TYPE, (), "string", get_port, EPOCH),
    Overload("getEscapedPath", TYPE, (), "string", get_escaped_path, EPOCH),
    Overload("getQuery", TYPE, (), "map(string, list(string))", get_query, EPOCH),
)

"""Characters as people count them: Terraform's text functions work on grapheme clusters (UAX 29).

The rules that matter for configuration are here: combining marks, joined and flagged emoji, Hangul
and line breaks; the prepended marks of a few Indic scripts are not.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_CONTROL = frozenset({"Cc", "Cf", "Zl", "Zp"})


def clusters(text: str) -> list[str]:
    """The grapheme clusters of the text."""
    if text.isascii() and "\r" not in text:
        return list(text)
    found: list[str] = []
    flags = 0
    for char in text:
        if found and _joins(found[-1], char, flags):
            found[-1] += char
        else:
            found.append(char)
        flags = flags + 1 if _is_flag(char) else 0
    return found


def _joins(before: str, char: str, flags: int) -> bool:
    last = before[-1]
    if last == "\r":
        return char == "\n"
    if _is_control(last) or _is_control(char):
        return False
    if _extends(char):
        return True
    if last == _JOINER and len(before) > 1 and _is_pictograph(char):
        return True
    if _is_flag(char) and _is_flag(last):
        return flags % 2 == 1
    return _hangul(last, char)


def _extends(char: str) -> bool:
    code = ord(char)
    return (
        unicodedata.category(char).startswith("M")
        or char == _JOINER
        or char == "\u200c"
        or 0xFE00 <= code <= 0xFE0F
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
    )


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in _CONTROL and not _extends(char)


def _is_flag(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _is_pictograph(char: str) -> bool:
    code = ord(char)
    return 0x1F000 <= code <= 0x1FAFF or 0x2190 <= code <= 0x2BFF or code in (0xA9, 0xAE)


def _hangul(last: str, char: str) -> bool:
    a, b = ord(last), ord(char)
    leading, vowel, trailing = 0x1100 <= a <= 0x115F, 0x1160 <= a <= 0x11A7, 0x11A8 <= a <= 0x11FF
    syllable = 0xAC00 <= a <= 0xD7A3
    if leading:
        return 0x1100 <= b <= 0x11A7 or 0xAC00 <= b <= 0xD7A3
    if vowel or (syllable and (a - 0xAC00) % 28 == 0):
        return 0x1160 <= b <= 0x11FF
    return (trailing or syllable) and 0x11A8 <= b <= 0x11FF


def safe_prefix(text: str) -> str:
    """The text without what later text could still change: its last cluster, unless that is a
    character to which nothing attaches.
    """
    if not text or text[-1] in _DELIMITERS:
        return text
    return "".join(clusters(text)[:-1])


_DELIMITERS = frozenset("-_:;/\\,.(){}[]|?!~ \t@#$%^&*+\"'")

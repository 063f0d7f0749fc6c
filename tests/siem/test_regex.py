"""Sigma's regular expressions in Lucene's syntax: same texts found, or refused with a reason."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.engine.siem import automaton
from assay.engine.siem.lucene import write
from assay.engine.siem.regex import UnsupportedError, parse
from assay.engine.siem.regex_edges import resolve


def translate(pattern: str, flags: str = "") -> str:
    return write(resolve(parse(pattern, frozenset(flags))))


@pytest.mark.parametrize(
    ("pattern", "flags", "lucene"),
    [
        ("net", "", ".*net.*"),
        ("^net$", "", "net"),
        ("^net", "", "net.*"),
        ("net$", "", ".*net"),
        (r"\d+", "", ".*[0-9]+.*"),
        (r"\D", "", ".*[^0-9].*"),
        ("a.c", "s", ".*a.c.*"),
        ("a.c", "", ".*a[^\\\n]c.*"),
        ("a", "i", ".*[Aa].*"),
        ("(?i)a", "", ".*[Aa].*"),
        ("a(?i:b)c", "", ".*a[Bb]c.*"),
        ("[^a]", "i", ".*[^Aa].*"),
        (r"a~b&c<1>d@e#\"", "", '.*a\\~b\\&c\\<1\\>d\\@e\\#\\".*'),
        ("(^|/)x", "", "x.*|.*\\/x.*"),
        ("^a$|^b$", "", "a|b"),
        ("^a", "m", "(.*\\\n)?a.*"),
        ("x{2,}y{3}z{1,2}", "", ".*x{2,}y{3}z{1,2}.*"),
        ("a{", "", ".*a\\{.*"),
        ("a+?", "", ".*a+.*"),
        ("(?P<name>a|b)c", "", ".*(a|b)c.*"),
        (r"\bn\b", "", "n|n{W}.*|.*{W}n|.*{W}n{W}.*".replace("{W}", "[^0-9A-Z_a-z]")),
        (r"[\w+|\s]", "", ".*[\\\t\\\n\\\x0c\\\r\\ \\+0-9A-Z_a-z\\|].*"),
        (r"\x41[]x]", "", ".*A[\\]x].*"),
        ("[[:digit:]]", "", ".*[0-9].*"),
        ("[ -~]", "", ".*[ -~].*"),
        ("[+-^]", "", ".*[+-Z\\[\\\\\\]\\^].*"),
    ],
)  # fmt: skip
def test_translation(pattern: str, flags: str, lucene: str) -> None:
    assert translate(pattern, flags) == lucene


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)b", "it looks ahead, which Lucene cannot"),
        ("(?!a)b", "it looks ahead, which Lucene cannot"),
        ("(?<=a)b", "it looks behind, which Lucene cannot"),
        (r"(a)\1", "it refers back to a group, which Lucene cannot"),
        ("a++", "it has a possessive repetition"),
        ("a)", "unbalanced `)` at character 2 of the regular expression"),
        ("(a", "a group does not end"),
        ("[a", "the regular expression ends too early"),
        ("*a", "`*` at character 1 repeats nothing"),
        ("[b-a]", "a range inside `[]` is out of order"),
        (r"\p", "the escape `\\p` is not known"),
        ("a^b", "it can match no value: its anchors contradict each other"),
        (r"(^a|b)+", "an anchor or boundary stands inside an open repetition"),
        ("a{5,2}", "its repetition is out of order or above 1000"),
        (r"\b(?:a|^)", "an anchor or boundary follows a word boundary"),
        (r"[a-]{2}\b.", "a word boundary whose neighbours may be of either sort"),
    ],
)
def test_refusal(pattern: str, reason: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        translate(pattern)
    assert str(caught.value) == reason


def test_a_bomb_is_refused_before_a_server_meets_it() -> None:
    tree = resolve(parse("a.{30}b", frozenset()))
    with pytest.raises(UnsupportedError, match="too large an automaton"):
        automaton.effort(tree)
    assert automaton.effort(resolve(parse("net\\s+user", frozenset()))) < automaton.DEFAULT_EFFORT


ATOMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        r"\d",
        r"\w",
        r"\s",
        "[ab]",
        "[^a]",
        r"\.",
        "^",
        "$",
        "A",
        "-",
        r"\W",
        r"\b",
        "1",
    ]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("(?:{})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, st.sampled_from(["", "i", "m", "s"]), st.lists(st.text("abA1 .-\n_é"), min_size=5))
def test_the_translation_finds_what_re2_finds(pattern: str, flags: str, texts: list[str]) -> None:
    try:
        lucene = translate(pattern, flags)
    except UnsupportedError:
        return
    options = re2.Options()
    options.dot_nl = True
    ours = re2.compile(lucene.replace("()", "(?:)"), options)
    theirs = re2.compile(f"(?{flags}){pattern}" if flags else pattern)
    assert [ours.fullmatch(text) is not None for text in texts] == [
        theirs.search(text) is not None for text in texts
    ]

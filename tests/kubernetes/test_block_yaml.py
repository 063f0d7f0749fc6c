"""The quick reader of YAML gives what libyaml gives, or gives the text back unread."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from assay.engine.kubernetes import blockyaml, text, yamltext

HERE = Path(__file__).parents[2]
CORPORA = Path(os.environ.get("ASSAY_CORPORA") or HERE.parent / "shared/corpora")
WORDS = """
a name x1 -x --flag on y no ~ null true 1 0644 0x1F 1.5 .5 1e3 .inf .nan 10Mi a:b a#b /etc $(x)
http://a.example:80/x 'q' 'it''s' 'a: b' "d" "a\\nb" "\\x41\\u00e9" "\\q" "a # b" [] {}
[a,b] [1,"x"] [a,~] [-] {a:1} {a: 1} &a *a !!str |x >y %x @x ` ? : - = << <=1 a,b a]b a}b {{.x}} é
日本 ;x \\x +1 ^a
""".split()  # noqa: SIM905 - a table
TAILS = ["", "", "", "", " ", "  # c", " #", "#c", ": x", ":", " a", " - a", "\t"]
NAMES = ["a", "b", "c", "d", "on", "1", "a.b/c", "'q'", '"d"', "a b", "<<", "-a", "{x", "", "y-z"]
BLOCKS = ["|", "|-", "|+", ">", ">-", ">+", "|2", ">1-", "| # c", "|  "]


def events(part):
    marks = {}
    try:
        found = list(yamltext.by_events(part, marks))
    except yamltext.YamlError as error:
        return error, marks
    return found, marks


def marked(value, marks):
    """The marks of every container, in the order of the values."""
    if not isinstance(value, dict | list):
        return []
    inner = value.values() if isinstance(value, dict) else value
    own = sorted(marks.get(id(value), {}).items(), key=str)
    return [own, *(marked(each, marks) for each in inner)]


def check(part):
    """Whether the quick reader reads the text; that it then reads what libyaml reads."""
    quick = blockyaml.read(part)
    if quick is None:
        return False
    found, marks = events(part)
    assert not isinstance(found, yamltext.YamlError), (part, found)
    assert [tuple(each) for each in found] == [quick], part
    assert repr(found[0].value) == repr(quick[0]), part  # 1 and True and 1.0 are equal
    assert list(found[0].value) == list(quick[0]), part
    own = {}
    again = blockyaml.read(part, own)
    if again is not None:
        assert again == quick
        assert marked(again[0], own) == marked(found[0].value, marks), part
    return True


def parts(folder):
    for path in sorted(folder.rglob("*.y*ml")):
        try:
            held = text.decode(path.read_bytes())
        except yamltext.YamlError:
            continue
        yield from (held[start:end] for start, end in yamltext.split(held))


GOOD = [
    "a",
    "x1",
    "on",
    "~",
    "1",
    "0644",
    "'q'",
    '"d"',
    "a:b",
    "a#b",
    "[]",
    "[a, b]",
    "http://x:1/y",
]


def generated(chance):
    """A text of lines that fit but for a share of odd ones, which is another for each text."""
    odd = chance.choice([0.0, 0.02, 0.1, 0.5])
    lines, columns, deeper, count = [], [0], False, 0

    def one(good, bad):
        return chance.choice(bad if chance.random() < odd else good)

    for _ in range(chance.randint(1, 9)):
        if deeper:
            columns.append(columns[-1] + one([1, 2, 2, 4], [0, 0, -1]))
        elif chance.random() < 0.3:
            del columns[max(1, chance.randrange(len(columns) + 1)) :]
        column = max(0, columns[-1] + one([0], [-2, -1, 1, 2]))
        spaces, count = " " * column, count + 1
        dashes = one(["", "", "- "], ["-  ", "- - ", "-"]) if deeper else one([""], ["- "])
        if dashes == "- " and chance.random() < 0.6:
            columns[-1] += 2
        deeper = False
        name = one([f"k{count}", f'"k{count}"'], NAMES) + one([":"], [": ", ":  ", " :"])
        value = one(GOOD, WORDS) + one(["", "", "", " ", "  # c", " a"], TAILS)
        form = chance.randint(0, 9)
        if form < 4:
            lines.append(f"{spaces}{dashes}{name} {value}")
        elif form < 6:
            lines.append(f"{spaces}{dashes}{name}")
            deeper = chance.random() < 0.9
        elif form == 6:
            lines.append(f"{spaces}{dashes or one(['- '], [''])}{value}")
        elif form == 7:
            lines.append(f"{spaces}{dashes}{name} {value}")
            more = " " * max(0, columns[-1] + one([1, 2], [0, -1]))
            lines += [*one([[]], [["", ""], ["# c"]]), f"{more}{value}"]
        elif form == 8:
            lines.append(f"{spaces}{dashes}{name} {one(BLOCKS[:6], BLOCKS)}")
            for _ in range(chance.randint(0, 4)):
                more = " " * max(0, columns[-1] + one([2, 2, 2, 3], [0, 1, 4]))
                lines.append(one([f"{more}{value}", "", more], [f"{more}\tx", more + " "]))
        else:
            quote = chance.choice("'\"")
            more = " " * chance.randint(0, 4)
            middle = one(["\n", "\n\n", " \n \n", "\\\n", " \\\n"], ["\n--- x\n", "\t\n"])
            lines.append(
                f"{spaces}{dashes}{name} {quote}a{middle}{more}b c{quote}{one([''], ['x'])}"
            )
        if chance.random() < 0.1:
            lines.append(one(["", "# c", spaces + "# c", "   "], ["---", "...", "%A", "\r"]))
    return "\n".join(lines) + chance.choice(["\n", "\n", "\n", "", "\n\n", " "])


def test_generated_texts_are_read_alike():
    chance = random.Random(8)
    read = sum(check(generated(chance)) for _ in range(6_000))
    assert read > 600  # that many are of the common forms


def test_damaged_manifests_are_read_alike():
    chance = random.Random(9)
    whole = [part for part in parts(HERE / "fixtures") if len(part) < 4_000]
    damage = [
        "",
        " ",
        "  ",
        "\n",
        ":",
        ": ",
        "- ",
        "#",
        " #",
        "'",
        '"',
        "\t",
        "|",
        "\\",
        "a",
        "{",
        "&",
    ]
    read = 0
    for _ in range(3_000):
        part = chance.choice(whole)
        at = chance.randrange(len(part))
        cut = chance.choice([0, 0, 1, 1, 2, 5])
        read += check(part[:at] + chance.choice(damage) + part[at + cut :])
    assert read > 700


def test_the_manifests_at_hand_are_read_alike_and_most_are_read():
    held = list(parts(HERE / "fixtures"))
    assert len(held) > 100
    assert sum(map(check, held)) / len(held) > 0.85


@pytest.mark.corpora
def test_the_public_manifests_are_read_alike_and_most_are_read():
    if not (CORPORA / "manifests").is_dir():
        pytest.skip(f"no corpora at {CORPORA}")
    sizes = {True: 0, False: 0}
    for part in parts(CORPORA / "manifests"):
        sizes[check(part)] += len(part)
    assert sizes[True] > 0.95 * sum(sizes.values())


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("a: |\n  x\n   y\n\n  z\n\n\nb: 1\n", {"a": "x\n y\n\nz\n", "b": 1}),
        ("a: >-\n  x\n  y\n\n   z\n  w\n", {"a": "x y\n\n z\nw"}),
        ("a: b\n  c\n\n  d\n", {"a": "b c\nd"}),
        ("a:\n- b: 1\n  c:\n  - d\n-\n  e: ~\n", {"a": [{"b": 1, "c": ["d"]}, {"e": None}]}),
        ("# x\n---\n'a': \"x\\\n  \\ y\\n\"  # z\n", {"a": "x y\n"}),
        ("a: on\nb: 0644\nc: 1_000\nd: 'on'\n", {"a": True, "b": 420, "c": 1000, "d": "on"}),
    ],
)
def test_common_forms_are_read_here(given, value):
    quick = blockyaml.read(given)
    assert quick is not None
    assert quick[0] == value
    assert check(given)


@pytest.mark.parametrize(
    "given",
    [
        *(
            "a: &x 1\n",
            "a: *x\n",
            "a: !!str 1\n",
            "a: {b: c}\n",
            "a: b: c\n",
            "a: 1\na: 2\n",
            "a\n",
        ),
        *("- a\n", "a:\n\tb: 1\n", "a: 'x\n", "a: .inf\n", "true: 1\n", "<<: x\n", "a: \x85\n"),
        *(
            "a: |2\n   x\n",
            "a: b\n c: d\n",
            "a: 1\n---\nb: 2\n",
            "",
            "# x\n",
            "? a\n",
            "a: \u2028b\n",
        ),
    ],
)
def test_all_else_is_left_to_libyaml(given):
    assert blockyaml.read(given) is None

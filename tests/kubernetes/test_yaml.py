"""YAML and JSON are read as Kubernetes reads them: tables, real kubectl, and PyYAML round trips."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.engine.kubernetes import jsontext, scalars, yamltext
from assay.engine.kubernetes.yamltext import YamlError

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\nspec:\n"
SCALARS = """
y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE
yEs tRUE oN nO Y1 ~ null Null NULL nULL = - -- + ++1 a -a .5 .5e3 . .. ... .5. -.5 +.5 5. 5.0 1.50
0 -0 +0 00 07 08 09 0644 0o644 0O17 0o8 0x1F 0X1f -0x1F 0x 0xG 0b11 0B11 -0b11 0b2 1_000 _1 1__0 1_
0_7 +5 -5 1e3 1E3 1e+3 1e-3 1e 1.e3 12e03 1e400 123456789012345678 9223372036854775807
9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615
18446744073709551616 99999999999999999999999999 0xffffffffffffffff 0x10000000000000000
-0xffffffffffffffff 0777777777777777777777777 12:30:45 1:30 190:20:30.15
2020-01-01 2020-1-1 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 20200101
1.2.3 10Mi 100m 1/2 0.1 1.0 1e6 1.5e300 -1.5 !!str
"yes" 'no' "1" '0644' !!str|1 !!int|1 !!int|0x10 !!float|1 !!float|1.5 !!bool|yes !!null|~
!!binary|aGVsbG8= !custom|12 !|12 !!str|yes !!timestamp|2020-01-01 "\\u00e9" é 日本 <<x x<<
""".split()  # noqa: SIM905 - a table
SCALARS = [text.replace("|", " ") for text in SCALARS if text != "!!str"]
KEYS = [
    *("a", "yes", "off", "true", "1", "0644", "0x1F", "1.5", "1e3", "1e6", "1234567.0", "-0.25"),
    *(
        "123456.789",
        "1e-5",
        "0.0001",
        "1e100",
        '"1 "',
        "2020-01-01",
        "=",
        "-7",
        "0.1",
        "16777217.0",
    ),
    *("1e21", ".5", "3.4028235e38", "100000.0", "1000000.0", "12345678.9", ".inf", "-.inf", ".nan"),
]


def one(text):
    found = [document.value for document in yamltext.documents(text)]
    assert len(found) == 1
    return found[0]


def fault(text, read=yamltext.documents):
    with pytest.raises(YamlError) as caught:
        list(read(text))
    return caught.value.code, caught.value.offset


def kubectl(text):
    """What the real kubectl makes of a manifest, without any server."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH")
    command = [program, "annotate", "--local", "-f", "-", "-o", "json", "a=b"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_scalars_are_read_as_kubectl_reads_them():
    lines = "".join(f"  - {text}\n" for text in SCALARS)
    text = HEAD + lines
    ours, theirs = one(text)["spec"], kubectl(text)["spec"]
    assert len(ours) == len(SCALARS)
    pairs = dict(zip(SCALARS, zip(ours, theirs, strict=True), strict=True))
    assert {name: pair for name, pair in pairs.items() if not same(*pair)} == {}


def same(ours, theirs):
    """Equal, and of one kind; 1 and 1.0 are one number in JSON."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, float):
        return ours == float(theirs)
    return type(ours) is type(theirs) and ours == theirs


def test_keys_are_text_as_kubectl_makes_them():
    text = HEAD + "".join(f"  - ? {key}\n    : 1\n" for key in KEYS)
    ours, theirs = ([list(each) for each in read(text)["spec"]] for read in (one, kubectl))
    assert len(ours) == len(KEYS)
    assert dict(zip(KEYS, ours, strict=True)) == dict(zip(KEYS, theirs, strict=True))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        (
            "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n",
            {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}},
        ),
        ("d:\n  b: 3\n  <<: {b: 1, e: 4}\n", {"d": {"b": 1, "e": 4}}),
        ("<<: [{a: 1, b: 2}, {a: 3, c: 4}]\n", {"a": 1, "b": 2, "c": 4}),
        ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
        ("a: &k key\n*k : 1\n", {"a": "key", "key": 1}),
        ("%YAML 1.1\n---\na: 1\n", {"a": 1}),
        ("a:\n  - b\n  -\n  - {c: }\n", {"a": ["b", None, {"c": None}]}),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", {"a": "x\ny\n", "b": "x y"}),
        ('{"a": [1, 2.0, "\\u00e9"]}', {"a": [1, 2.0, "é"]}),
        ("a: 1\r\nb:\r\n  - c\r\n", {"a": 1, "b": ["c"]}),
        ("!!map {a: !!seq [b]}", {"a": ["b"]}),
    ],
)
def test_structure(text, value):
    assert one(text) == value
    if not text.startswith("!!map") and text.strip().startswith(("a", "d")):
        body = "".join(f"  {line}\n" for line in text.splitlines())
        assert kubectl(HEAD + body)["spec"] == value


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("a: 1\nb: 2\na: 3\n", "yaml-duplicate-key", 10),
        ("yes: 1\n'true': 2\n", "yaml-duplicate-key", 7),
        ("<<: {a: 1}\na: 2\na: 3\n", "yaml-duplicate-key", 16),
        ("{a: 1}: 2\n", "yaml-key", 0),
        ("~: 2\n", "yaml-key", 0),
        ("a: *b\n", "yaml-alias", 3),
        ("a: &a [*a]\n", "yaml-alias", 7),
        ("<<: 1\n", "yaml-merge", 4),
        ("a: .inf\n", "yaml-value", 3),
        ("a: [.nan]\n", "yaml-value", 4),
        ("a: !!int x\n", "yaml-value", 3),
        ("a: !!binary '*'\n", "yaml-value", 3),
        ("a: [1, 2\n", "yaml-syntax", 9),
        ("a: 1\n\tb: 2\n", "yaml-syntax", 5),
        ('a: "x\n', "yaml-syntax", 6),
        ("a: b: c\n", "yaml-syntax", 4),
        ("a: {{ .Values.x }}\n", "yaml-key", 4),
        ("a: \x01\n", "yaml-encoding", 3),
        ("[" * 300, "yaml-depth", 200),
    ],
)
def test_faults_have_a_code_and_a_place(text, code, offset):
    assert fault(text) == (code, offset)


def test_an_alias_bomb_costs_nothing():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"]
    levels += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 30)]
    started = time.process_time()
    assert fault("".join(levels))[0] == "yaml-aliases"
    assert time.process_time() - started < 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "], ids=repr)
def test_deep_nesting_ends_as_an_error(opening):
    assert fault(opening * 100_000)[0] in ("yaml-depth", "yaml-syntax", "yaml-key")


def test_pieces_are_cut_at_markers_and_directives_kept():
    text = "%YAML 1.1\n# c\n---\na: 1\n--- # two\nb: |\n  ---\n---x: 1\n---\n"
    assert [text[start:end] for start, end in yamltext.split(text)] == [
        "%YAML 1.1\n# c\n---\na: 1\n",
        "--- # two\nb: |\n  ---\n---x: 1\n",
        "---\n",
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"a": 1}\n{"a": 2}', [{"a": 1}, {"a": 2}]),
        ("", []),
        (
            "[1, 9223372036854775808, -1.5, true, null]",
            [[1, 9223372036854775808.0, -1.5, True, None]],
        ),
    ],
)
def test_json(text, values):
    assert [document.value for document in jsontext.read(text)] == values


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ('{"a": 1,\n "a": 2}', "json-duplicate-key", 10),
        ('{"a": NaN}', "json-value", 0),
        ('{"a": 1e999}', "json-value", 0),
        ('{"a": 1} x', "json-syntax", 9),
        ("[" * 100_000, "json-depth", 0),
        ("[" * 300 + "]" * 300, "json-depth", 0),
    ],
)
def test_json_faults(text, code, offset):
    assert fault(text, jsontext.read) == (code, offset)


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(TREES, st.booleans())
def test_what_pyyaml_writes_is_read_back(value, flow):
    """Quoted, with tags: unquoted, PyYAML holds `y` and `1e3` for text and Kubernetes does not."""
    text = yaml.safe_dump(value, default_style='"', default_flow_style=flow, allow_unicode=True)
    assert one(text) == value


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_json_is_read_alike_by_both_readers(value):
    text = json.dumps(value)
    assert [document.value for document in jsontext.read(text)] == [value]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"%#,\n\t ?~0.", max_size=60))
def test_no_text_breaks_the_reader(text):
    for start, end in yamltext.split(text):
        offset = 0
        try:
            list(yamltext.documents(text[start:end], {}))
        except YamlError as error:
            offset = error.offset
        assert 0 <= offset <= end - start + 1


def test_a_key_that_is_null_is_refused():
    with pytest.raises(scalars.ScalarError):
        scalars.key(None)

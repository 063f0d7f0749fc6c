"""YAML of exported policies: what it writes is read back as it was, by YAML 1.1 and Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.engine.kubernetes import yamltext
from assay.reports.gatekeeper import documents

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12) | (
    st.sampled_from(
        ["n", "y", "on", "0o7", "010", "1e3", "null", "~", "", "a\nb\n", " a", "2001-01-01"]
    )
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.integers(-(2**53), 2**53) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=1, max_size=2))
def test_what_is_written_is_read_back(objects: list[dict[str, Any]]) -> None:
    text = documents.dump(*objects)
    assert list(yaml.safe_load_all(text)) == objects
    assert [each.value for each in yamltext.documents(text)] == objects


def test_texts_of_several_lines_are_blocks_and_nothing_has_an_anchor() -> None:
    same = {"a": 1}
    written = documents.dump({"first": same, "second": same, "text": "a\nb\n", "empty": []})
    assert written == "first:\n  a: 1\nsecond:\n  a: 1\ntext: |\n  a\n  b\nempty: []\n"


@pytest.mark.parametrize("text", ["n", "Y", "yes", "off", "017", "1_000", "0x1f", "="])
def test_a_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert documents.dump({"a": text}) == f"a: '{text}'\n"

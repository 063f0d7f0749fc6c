"""Configuration of other programs inside texts: what is read, what is refused, what is bounded."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.engine.catalogue.hcl_text import parse_hcl
from assay.engine.cel.extensions.config import parse_fluentbit, parse_nginx, parse_properties
from assay.engine.model import Unknown

READERS = (parse_hcl, parse_fluentbit, parse_nginx, parse_properties)
NGINX = """
http {
  # a comment with { and ;
  log_format main '$remote_addr "$request"';
  server { listen 443 ssl; server_name "a b"; location ~ \\.php$ { return 404; } }
}
"""


def test_hcl_of_vault() -> None:
    text = (
        'ui = true\nlistener "tcp" {\n  tls_disable = 1\n}\n'
        'path "a/*" {\n  capabilities = ["read"]\n}\nx = var.y'
    )
    assert parse_hcl(text) == {
        "ui": True,
        "listener": [{"labels": ["tcp"], "tls_disable": 1}],
        "path": [{"labels": ["a/*"], "capabilities": ["read"]}],
        "x": "var.y",
    }


def test_nginx_is_flat_with_its_context() -> None:
    found = [(d["context"], d["name"], d["args"], d["block"]) for d in parse_nginx(NGINX)]
    assert found == [
        ("", "http", [], True),
        ("http", "log_format", ["main", '$remote_addr "$request"'], False),
        ("http", "server", [], True),
        ("http/server", "listen", ["443", "ssl"], False),
        ("http/server", "server_name", ["a b"], False),
        ("http/server", "location", ["~", "\\.php$"], True),
        ("http/server/location", "return", ["404"], False),
    ]


def test_fluent_bit_in_both_formats() -> None:
    classic = (
        "[SERVICE]\n    Flush 1\n# c\n[OUTPUT]\n    Name  es\n    tls   On\n    tls.verify Off\n"
    )
    yaml = (
        "service:\n  flush: 1\npipeline:\n  outputs:\n"
        "    - name: es\n      tls: on\n      tls.verify: off\n"
    )
    settings = {"name": "es", "tls": "On", "tls.verify": "Off"}
    assert parse_fluentbit(classic) == [
        {"section": "service", "settings": {"flush": "1"}},
        {"section": "output", "settings": settings},
    ]
    lower = {key: value.lower() for key, value in settings.items()}
    assert parse_fluentbit(yaml)[1] == {"section": "output", "settings": lower}


def test_properties_and_sections() -> None:
    text = "# c\na = 1\nb='x # y'\nc: d # e\n[auth.anonymous]\nenabled = true\n; c\nssl on\n"
    assert parse_properties(text) == {
        "a": "1",
        "b": "x # y",
        "c": "d",
        "auth.anonymous.enabled": "true",
        "auth.anonymous.ssl": "on",
    }


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (parse_hcl, 'a = "'),
        (parse_hcl, "a {"),
        (parse_hcl, "a = " + "[" * 500),
        (parse_nginx, "server {"),
        (parse_nginx, "}"),
        (parse_nginx, "listen 80"),
        (parse_nginx, "a {" * 60 + "}" * 60),
        (parse_fluentbit, "Name es"),
        (parse_fluentbit, "pipeline: [}"),
    ],
)
def test_what_is_no_such_text_is_refused(reader, text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        reader(text)


@pytest.mark.parametrize("reader", READERS)
def test_bounds_types_and_unknowns(reader) -> None:
    with pytest.raises(ValueError, match="too large"):
        reader("#" * (1024 * 1024 + 1))
    with pytest.raises(TypeError):
        reader(1)
    unknown = reader(Unknown("apply", "a.b", identity="a.b"))
    assert isinstance(unknown, Unknown)
    assert unknown.origin == "a.b"


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text(alphabet="abc =:#;{}[]\"'\n\\${}-", max_size=60))
def test_no_text_makes_a_traceback(reader, text: str) -> None:
    with suppress(ValueError):
        reader(text)

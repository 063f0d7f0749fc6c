"""The shipped index templates are those that the sources say, and a server takes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.engine.siem import server
from assay.engine.siem.sources import Source, choose, shipped, template, template_text

FOLDER = Path(__file__).parents[2] / "sigma"
SOURCES = list(shipped().values())
ESTATE = {
    "argocd",
    "auditd",
    "cloudflare",
    "cloudtrail",
    "falco",
    "generic",
    "gitlab",
    "keycloak",
    "kubernetes",
    "nginx",
    "opensearch",
    "postgresql",
    "vault",
    "windows",
}


def test_every_source_of_the_estate_is_there() -> None:
    assert set(shipped()) == ESTATE
    assert {path.stem for path in FOLDER.joinpath("templates").glob("*.json")} == ESTATE


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_template_file_is_what_the_source_says(source: Source) -> None:
    text = FOLDER.joinpath("templates", f"{source.name}.json").read_text("utf-8")
    assert text == template_text(source)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_source_is_well_formed(source: Source) -> None:
    names = set(source.fields)
    nested = [name for name in names if any(other.startswith(f"{name}.") for other in names)]
    assert nested == [], "a field cannot have a value and fields below it"
    unknown = [to for tos in source.aliases.values() for to in tos if to not in names]
    assert unknown == [], "an alias leads to no field"
    assert template(source)["template"]["mappings"]["dynamic"] is source.open


def test_the_most_telling_log_source_wins() -> None:
    asked = {
        "kubernetes": {"product": "kubernetes", "category": "application", "service": "audit"},
        "nginx": {"category": "webserver"},
        "auditd": {"product": "linux", "service": "auditd"},
        "generic": {"product": "linux", "category": "process_creation"},
        "windows": {"product": "Windows", "service": "security"},
    }
    assert {name: choose(words, shipped()).name for name, words in asked.items()} == {
        name: name for name in asked
    }


@pytest.mark.opensearch
def test_a_server_installs_every_template(opensearch: str) -> None:
    client = server.connect(opensearch)
    for source in SOURCES:
        path = FOLDER.joinpath("templates", f"{source.name}.json")
        name = f"assay-{source.name}"
        client.indices.put_index_template(name=name, body=json.loads(path.read_text("utf-8")))
        index = source.pattern.replace("*", "2026.01.01")
        client.index(index=index, body={"@timestamp": "2026-01-01T00:00:00Z"}, refresh=True)
        mapping = client.indices.get_mapping(index=index)[index]["mappings"]
        assert mapping["properties"]["assay_all"]["normalizer"] == "assay_lower"
        client.indices.delete(index=index)
        client.indices.delete_index_template(name=name)
    client.close()

"""Files of Atlantis and Keycloak: what is read of them, and that nothing hostile gets far."""

from __future__ import annotations

import json
from pathlib import Path

from assay.engine.files import discover
from assay.engine.model import Loaded
from assay.engine.pipelines import loader

REALM = {
    "realm": "shop",
    "sslRequired": "none",
    "displayName": None,
    "clients": [
        {"clientId": "web", "secret": "not-a-real-secret"},
        {"clientId": "app", "publicClient": True},
    ],
    "components": {"k": [{"config": {"privateKey": ["not-a-real-key"]}}]},
}


def load(folder: Path, **files: str) -> Loaded:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return loader.load(discover([str(folder)]), loader.Options())


def test_a_realm_with_places_and_secrets_marked(tmp_path: Path) -> None:
    found = load(tmp_path, realm__json=json.dumps(REALM, indent="\t"))
    assert found.errors == []
    (realm,) = found.resources
    assert (realm.kind, realm.values["realm"]) == ("keycloak-realm", "shop")
    assert "displayName" not in realm.values
    assert realm.locate(("sslRequired",)).line == 3
    assert realm.locate(("clients", 1)).line == 10
    assert realm.sensitive == {
        ("clients", 0, "secret"),
        ("components", "k", 0, "config", "privateKey"),
    }


def test_several_realms_in_one_export(tmp_path: Path) -> None:
    text = json.dumps([REALM, {**REALM, "realm": "partners"}], indent=2)
    found = load(tmp_path, realms__json=text)
    assert [resource.address.rpartition("/")[2] for resource in found.resources] == [
        "shop",
        "partners",
    ]
    places = [resource.locate(("sslRequired",)).line for resource in found.resources]
    assert places[0] == 4
    assert places[1] > places[0]


def test_json_that_is_no_realm_is_left_alone(tmp_path: Path) -> None:
    found = load(tmp_path, a__json='{"realm": 1}', b__json="not json", c__json='["realm"]')
    assert found == Loaded([], [], [])


def test_a_realm_that_cannot_be_read_is_said_with_its_place(tmp_path: Path) -> None:
    found = load(tmp_path, realm__json='{"realm": "a",\n "sslRequired": "none",\n "x": [}')
    (error,) = found.errors
    assert error.code == "yaml-syntax"
    assert error.place.line == 3
    assert found.resources == []


def test_a_realm_nested_too_deeply(tmp_path: Path) -> None:
    text = '{"realm": "a", "sslRequired": "x", "y": ' + "[" * 200 + "]" * 200 + "}"
    found = load(tmp_path, realm__json=text)
    assert [error.code for error in found.errors] == ["yaml-too-large"]


def test_both_files_of_atlantis(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        atlantis__yaml="version: 3\nprojects: [{dir: .}]\n",
        repos__yaml="repos:\n  - id: /.*/\n",
    )
    assert [(r.kind, r.values) for r in found.resources] == [
        ("atlantis", {"version": 3, "projects": [{"dir": "."}]}),
        ("atlantis-server", {"repos": [{"id": "/.*/"}]}),
    ]
    assert found.resources[1].locate(("repos", 0)).line == 2


def test_a_file_with_that_name_of_something_else(tmp_path: Path) -> None:
    found = load(tmp_path, repos__yaml="repos: [https://charts.example.com]\n")
    assert found == Loaded([], [], [])

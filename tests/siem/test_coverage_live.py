"""assay sigma coverage against the mappings that a cluster really has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from opensearchpy import OpenSearch

from assay.engine.cli import main
from assay.engine.siem.sources import shipped, template

RULE = """\
title: One
id: 5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11
logsource: {product: windows}
detection:
    one: {Image|endswith: cmd.exe, CommandLine|re: 'whoami'}
    condition: one
"""


@pytest.mark.opensearch
def test_coverage_of_live_indexes(
    opensearch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "one.yml"
    rules.write_text(RULE, "utf-8")
    words = ["sigma", "coverage", str(rules), "--server", opensearch]
    assert main(words) == 1
    out = capsys.readouterr().out
    assert out == "no index is called logs-windows-*: none of its rules can fire\n"
    client = OpenSearch(opensearch)
    try:
        properties = {"Image": {"type": "text"}, "CommandLine": {"type": "keyword"}}
        client.indices.create(
            index="logs-windows-old", body={"mappings": {"properties": properties}}
        )
        assert main(words) == 1
        assert capsys.readouterr().out == (
            "one.yml: 5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11: CommandLine has no normalizer: "
            "letter case would be missed (logs-windows-old), so the rule can never fire\n"
            "one.yml: 5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11: Image is of type text, not keyword "
            "(logs-windows-old), so the rule can never fire\n"
        )
        body = template(shipped()["windows"])["template"]
        client.indices.create(index="logs-windows-new", body=body)
        assert main(words) == 1
        assert "can never fire" not in capsys.readouterr().out
        answer = client.indices.get_mapping(index="logs-windows-new")
        tmp_path.joinpath("mapping.json").write_text(json.dumps(answer), "utf-8")
        client.indices.delete(index="logs-windows-old")
        assert main(words) == 0
        assert main([*words[:3], "--mapping", str(tmp_path / "mapping.json")]) == 0
        assert capsys.readouterr().out == ""
    finally:
        client.indices.delete(index="logs-windows-*")
        client.close()


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sigma", "coverage", "--server", "http://u:hunter22@127.0.0.1:9"]) == 1
    error = capsys.readouterr().err
    assert "error[siem-server]: http://127.0.0.1:9: " in error
    assert "hunter22" not in error


def test_one_of_file_and_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sigma", "coverage", "--mapping", "a", "--server", "http://127.0.0.1:9"]) == 2
    assert "not both" in capsys.readouterr().err

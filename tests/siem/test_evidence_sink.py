"""Findings in a real OpenSearch: a data stream with its template, and nothing sent twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from assay.engine import cli
from assay.engine.siem import server

STREAM = "assay-test-findings"


def bundles(folder: Path) -> list[str]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path("key.pem").write_bytes(pem)
    Path("src").mkdir()
    names = []
    for day, zones in ((1, "false"), (2, "true")):
        names.append(f"night-{day}.tar")
        text = f'resource "aws_db_instance" "a" {{ multi_az = {zones} }}'
        Path("src/main.tf").write_text(text)
        at = f"2026-03-0{day}T02:00:00Z"
        words = ["bundle", "src", "--key", "key.pem", "-o", names[-1], "--at", at]
        assert cli.main(["evidence", *words, "--control", "multi-az-database"]) == 0
    return names


@pytest.mark.opensearch
def test_runs_are_sent_once_and_can_be_searched(
    opensearch: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names = bundles(tmp_path)
    capsys.readouterr()
    send = ["evidence", "send", *names, "--to", opensearch, "--data-stream", STREAM]
    client = server.connect(opensearch)
    try:
        assert cli.main(send) == 0
        assert capsys.readouterr().out == "night-1.tar: 1 findings\nnight-2.tar: 1 findings\n"
        assert cli.main(send) == 0
        assert "night-2.tar: was there already" in capsys.readouterr().out
        streams = client.indices.get_data_stream(name=STREAM)["data_streams"]
        assert [each["name"] for each in streams] == [STREAM]
        found = client.search(index=STREAM, body={"sort": ["@timestamp", "kind"]})["hits"]["hits"]
        rows = [each["_source"] for each in found]
        assert [(row["kind"], row.get("status"), row["@timestamp"][:10]) for row in rows] == [
            ("finding", "fail", "2026-03-01"),
            ("run", None, "2026-03-01"),
            ("finding", "pass", "2026-03-02"),
            ("run", None, "2026-03-02"),
        ]
        query = {"query": {"term": {"resource.address": "aws_db_instance.a"}}}
        assert client.count(index=STREAM, body=query)["count"] == 2
    finally:
        client.indices.delete_data_stream(name=STREAM)
        client.indices.delete_index_template(name=STREAM)


def test_a_server_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--to", "http://who:not-a-real-word@127.0.0.1:9", "--data-stream", STREAM]
    assert cli.main(["evidence", "send", *bundles(tmp_path), *words]) == 2
    said = capsys.readouterr().err
    assert "error[evidence-sink]" in said
    assert "not-a-real-word" not in said

"""Secrets on command lines: out of snapshots, marked elsewhere, and no drift for all that."""

from __future__ import annotations

import json

from assay.engine import cli
from assay.engine.commands.clusters import classify
from assay.engine.kubernetes import live, packed, redaction, snapshot
from assay.engine.kubernetes.cluster import Read

SECRET = "xK9mQ2vL8rT4"
WORDS = [f"--db-password={SECRET}", "--token=$(TOKEN)", "--password", SECRET, "--port=8080"]
SHELL = ["sh", "-c", f"export PGPASSWORD={SECRET} && psql --password {SECRET} --user me"]


def pod():
    probe = {"exec": {"command": ["check", f"--password={SECRET}"]}}
    container = {"name": "a", "image": "a", "command": list(SHELL), "args": list(WORDS)}
    spec = {"containers": [{**container, "livenessProbe": probe}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "n"},
        "spec": spec,
    }


def test_command_lines_lose_their_secrets_and_nothing_else():
    (container,) = live.trim(pod(), False, classify)["spec"]["containers"]
    hidden = "(secret: named)"
    assert container["args"] == [
        f"--db-password={hidden}",
        "--token=$(TOKEN)",
        "--password",
        live.HIDDEN,
        "--port=8080",
    ]
    said = f"export PGPASSWORD={hidden} && psql --password {hidden} --user me"
    assert container["command"] == ["sh", "-c", said]
    assert container["livenessProbe"]["exec"]["command"] == ["check", f"--password={hidden}"]
    connection = pod()
    connection["spec"]["containers"][0]["args"] = ["postgres://shop:hunter2hunter2@db:5432/o"]
    (container,) = live.trim(connection, False, classify)["spec"]["containers"]
    assert container["args"] == ["(secret: connection-string)"]


def test_they_are_marked_where_they_stand():
    base = ("spec", "containers", 0)
    assert redaction.paths("Pod", pod()) == {
        (*base, "args", 0),
        (*base, "args", 3),
        (*base, "livenessProbe", "exec", "command", 1),
    }


def test_no_secret_on_disk_or_in_a_report_and_no_drift(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "declared").mkdir()
    (tmp_path / "declared" / "a.json").write_text(json.dumps(pod()))
    read = Read(packed.of([live.trim(pod(), False, classify)]), [], [])
    (tmp_path / "s.gz").write_bytes(snapshot.write(read, "c", "u", "v1", None))
    assert SECRET not in json.dumps(list(snapshot.read(tmp_path / "s.gz")[1].items))
    assert cli.main(["drift", "declared", "--snapshot", "s.gz"]) == 0
    assert "0 changed" in capsys.readouterr().out
    changed = pod()
    changed["spec"]["containers"][0]["command"][2] += " --more"
    read = Read(packed.of([live.trim(changed, False, classify)]), [], [])
    (tmp_path / "s.gz").write_bytes(snapshot.write(read, "c", "u", "v1", None))
    assert cli.main(["drift", "declared", "--snapshot", "s.gz"]) == 1
    assert "spec.containers[0].command[2]" in capsys.readouterr().out

"""Secrets planted in every kind of input are searched for in everything that Assay writes.

Each has a place of its own and a form of its own: by an issuer's prefix, by the name of its key, by
a mark (`sensitive`, kind Secret). What is written is unpacked and searched for the secret as it is
and as base64, hexadecimal digits, a URL, JSON, HTML or a shell would have it.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import os
import shutil
import subprocess
import tarfile
import urllib.parse
import zlib
from pathlib import Path

import pytest

from assay.engine import cli, kept
from assay.reports import formats

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def fake(place: str, length: int) -> str:
    """Letters and digits that nobody's secret has, another for each place."""
    number = zlib.crc32(place.encode()) * 2654435761 + 12345
    found = ""
    while len(found) < length:
        number = (number * 6364136223846793005 + 1442695040888963407) % 2**64
        found += ALPHABET[number >> 59]
    return found[:length]


def password(place: str) -> str:
    return f"Fk-{fake(place, 9).lower()}&<{fake(place + 'x', 5)}"  # with what formats escape


PLACES = (
    *("tf-password", "tf-variable", "tf-marked", "tf-output", "tf-tfvars", "plan", "state"),
    *("secret-data", "env", "args", "applied", "kustomized", "charted", "values", "odd"),
)
SECRETS = {place: password(place) for place in PLACES} | {
    "tf-key": "AKIA" + fake("tf-key", 16),
    "config-map": "ghp_" + fake("config-map", 36).lower(),
    "annotation": "glpat-" + fake("annotation", 20).lower(),
    "pipeline": "glpat-" + fake("pipeline", 22).lower(),
    "comment": "AKIA" + fake("comment", 16),
    "address": "AKIA" + fake("address", 16),
    "broken": "ghp_" + fake("broken", 36).lower(),
    "url": fake("url", 14).lower(),
    "set": "npm_" + fake("set", 36).lower(),
}
S = SECRETS

MAIN = f"""
provider "aws" {{
  region = "eu-west-1"
}}
variable "token" {{
  default = "{S["tf-variable"]}"
}}
variable "marked" {{
  sensitive = true
  default   = "{S["tf-marked"]}"
}}
variable "given" {{
  sensitive = true
  type      = string
}}
resource "aws_db_instance" "db" {{
  identifier = "db-${{var.given}}"
  password   = "{S["tf-password"]}"
  engine     = "postgres"
}}
resource "aws_instance" "vm" {{
  ami           = "ami-1"
  instance_type = "t3.micro"
  user_data     = "export AWS_ACCESS_KEY_ID={S["tf-key"]}; run ${{var.marked}}" # {S["comment"]}
  tags = {{
    Name  = var.marked
    Token = var.token
    url   = "postgres://app:{S["url"]}@db.example.org/app"
  }}
}}
resource "aws_s3_bucket" "{S["address"]}" {{
  bucket = "logs-${{var.marked}}"
}}
output "o" {{
  value = "{S["tf-output"]}"
}}
"""
WORKLOAD = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: shop
  annotations: {{note: "{note}"}}
spec:
  template:
    spec:
      containers:
      - name: app
        image: registry.example/app:latest
        args: ["--password={args}"]
        env:
        - {{name: DB_PASSWORD, value: '{env}'}}
"""
MANIFESTS = f"""{WORKLOAD.format(name="web", note=S["annotation"], args=S["args"], env=S["env"])}
---
apiVersion: v1
kind: Secret
metadata:
  name: s
  namespace: shop
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{{"x":"{S["applied"]}"}}'
data:
  a: {base64.b64encode(S["secret-data"].encode()).decode()}
stringData:
  b: '{S["secret-data"]}'
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: c, namespace: shop}}
data:
  config.ini: |
    token = {S["config-map"]}
"""
PIPELINE = f"""variables:
  DEPLOY_TOKEN: "{S["pipeline"]}"
build:
  image: alpine:latest
  script: ["curl -H 'PRIVATE-TOKEN: {S["pipeline"]}' https://example.org"]
"""
CHART = WORKLOAD.format(name="chart", note="n", args="{{ .Values.password }}", env=S["charted"])


def value(kind: str, secret: str) -> dict[str, object]:
    return {
        "address": f"aws_db_instance.{kind}",
        "mode": "managed",
        "type": "aws_db_instance",
        "name": kind,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "schema_version": 2,
        "values": {"identifier": f"db-{secret}", "password": secret, "engine": "postgres"},
        "sensitive_values": {"password": True, "identifier": True},
    }


PLAN = {
    "format_version": "1.2",
    "terraform_version": "1.11.4",
    "planned_values": {"root_module": {"resources": [value("plan", S["plan"])]}},
    "resource_changes": [],
    "variables": {"p": {"value": S["plan"]}},
}
STATE = {
    "format_version": "1.0",
    "terraform_version": "1.11.4",
    "values": {"root_module": {"resources": [value("state", S["state"])]}},
}


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tree = tmp_path / "tree"
    for folder in ("live", "k8s", "kust", "chart/templates", "odd/templates", "bad"):
        (tree / folder).mkdir(parents=True)
    texts = {
        "live/main.tf": MAIN,
        "live/terraform.tfvars": f'given = "{S["tf-tfvars"]}"\n',
        "bad/main.tf": f'resource "aws_instance" "x" {{\n  user_data = "{S["broken"]}" "\n}}\n',
        "bad/broken.yaml": f"apiVersion: v1\nkind: ConfigMap\ndata:\n  a: {S['broken']}\n  b: [\n",
        "k8s/all.yaml": MANIFESTS,
        "kust/kustomization.yaml": "resources: [d.yaml]\n",
        "kust/d.yaml": WORKLOAD.format(name="kust", note="n", args="x", env=S["kustomized"]),
        "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
        "chart/values.yaml": f"password: '{S['values']}'\n",
        "chart/templates/d.yaml": CHART,
        "odd/Chart.yaml": "apiVersion: v2\nname: odd\nversion: 1.0.0\n",
        "odd/values.yaml": f"password: '{S['odd']}'\n",
        "odd/templates/d.yaml": CHART.replace("password }}", "password | quote }}"),  # no YAML
        ".gitlab-ci.yml": PIPELINE,
    }
    for name, text in texts.items():
        (tree / name).write_text(text)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    (tmp_path / "state.json").write_text(json.dumps(STATE))
    for name in kept.PROTECTED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ASSAY_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "out/cache"))
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def forms(secret: str) -> set[bytes]:
    """The secret in the ways in which a format may write it."""
    data = secret.encode()
    found = {
        secret,
        html.escape(secret),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
    }
    found |= {json.dumps(secret)[1:-1], data.hex(), data[::-1].decode()}
    for shift in range(3):  # as a part of a longer text that is base64
        whole = base64.b64encode(b"x" * shift + data).decode()
        found.add(whole[4 * (shift > 0) : len(whole) - 4])
    return {each.encode() for each in found}


def unpacked(data: bytes, depth: int = 0) -> list[bytes]:
    """The bytes, and what is packed in them."""
    found = [data]
    if depth > 3:
        return found
    if data[:2] == b"\x1f\x8b":
        found += unpacked(gzip.decompress(data), depth + 1)
    elif data[:5] == b"%PDF-":
        import pypdf

        pages = pypdf.PdfReader(io.BytesIO(data)).pages
        text = "".join("".join(page.extract_text().split()) for page in pages)
        found.append(text.replace("\u200b", "").encode())
    else:
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for member in archive.getmembers():
                    held = archive.extractfile(member)
                    if held is not None:
                        found += unpacked(held.read(), depth + 1)
        except tarfile.TarError:
            pass
    if data[32:34] == b"\x78\x01":  # what `kept` packs
        found.append(zlib.decompress(data[32:]))
    for line in data.splitlines() if b"payload" in data[:2000] else ():
        try:
            envelope = json.loads(line)
            found.append(base64.b64decode(envelope["payload"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def leaks(name: str, data: bytes) -> list[tuple[str, str]]:
    """The places of secrets that stand in an output, with the output's name."""
    every = unpacked(data)
    return [
        (name, place)
        for place, secret in SECRETS.items()
        if any(form in each for form in forms(secret) for each in every)
    ]


def written(folder: Path) -> list[tuple[str, str]]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += leaks(path.relative_to(folder).as_posix(), path.read_bytes())
    return found


def run(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[tuple[str, str]]]:
    code = cli.main(list(words))
    captured = capfd.readouterr()
    name = " ".join(words[:2])
    said = leaks(f"{name} stdout", captured.out.encode("utf-8", "replace"))
    return code, said + leaks(f"{name} stderr", captured.err.encode("utf-8", "replace"))


SOURCES = ("tree", "--plan", "plan.json", "--state", "state.json", "--set", f"q={S['set']}")


def test_the_search_finds_what_is_there(planted: Path) -> None:
    for name in ("live/main.tf", "k8s/all.yaml"):
        assert len(leaks(name, (planted / "tree" / name).read_bytes())) >= 5
    packed = gzip.compress(base64.b64encode(S["env"].encode()))
    assert leaks("x", packed) == [("x", "env")]


def test_no_report_holds_a_secret(planted: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [word for name in formats.FORMATS for word in ("-f", f"{name}=out/{name}")]
    code, said = run(capfd, "scan", *SOURCES, *words, "--history", "out/history.db")
    assert code == 1
    for name in formats.FORMATS:
        one, more = run(capfd, "scan", *SOURCES, "-f", name) if name != "pdf" else (1, [])
        assert one == 1
        said += more
    assert said == []
    assert written(planted / "out") == []
    report = json.loads((planted / "out/json").read_text())
    failed = {each["control"] for each in report["findings"] if each["status"] == "fail"}
    assert {"secret-no-literals", "secret-ci-no-literals"} <= failed  # they were found
    assert sum(each["status"] == "error" for each in report["findings"]) >= 2


def test_no_other_command_tells_a_secret(planted: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found: list[tuple[str, str]] = []
    for words in (
        ("resources", *SOURCES),
        ("resources", *SOURCES, "-f", "json"),
        ("baseline", "write", "tree", "-o", "out/baseline.yaml", "--expires", "2027-01-01"),
        ("compare", "skips", "tree"),
        ("init", "tree"),
        ("explain", "secret-no-literals", "apps/Deployment/shop/web", "tree"),
        ("explain", "secret-no-literals", "aws_instance.vm", "tree"),
        ("explain", "secret-no-literals", "ConfigMap/shop/c", "tree"),
        ("explain", "secret-not-in-environment", "apps/Deployment/shop/web", "tree"),
        ("explain", "secret-no-literals", "aws_db_instance.plan", *SOURCES),
        ("scan", *SOURCES, "--changed-since", "HEAD"),
    ):
        found += run(capfd, *words)[1]
    assert found == []
    assert written(planted / "out") == []


def test_no_bundle_holds_a_secret(planted: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    none = form.NoEncryption()
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, none)
    (planted / "key.pem").write_bytes(pem)
    words = ("--key", "key.pem", "-o", "out/bundle", "--allow-incomplete", "--at", "2026-01-31")
    _, said = run(capfd, "evidence", "bundle", *SOURCES, *words)
    assert said == []
    assert any(path.is_file() for path in (planted / "out").rglob("bundle*"))
    assert written(planted / "out") == []


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_a_change_is_judged_without_telling_a_secret(
    planted: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "tree"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *who, *words], check=True, capture_output=True, env=os.environ)
    path = planted / "tree/k8s/all.yaml"
    path.write_text(path.read_text().replace("name: web", "name: shop"))
    code, said = run(capfd, "scan", "tree", "--changed-since", "HEAD", "-f", "json")
    assert (code, said) == (1, [])

"""Bundles: the same bytes each time, accepted by public verifiers, refused when touched."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from assay.engine import cli
from assay.engine.commands import evidence_replay
from assay.engine.errors import InputError
from assay.engine.evidence import archive, bundle, keys

AT = "2026-03-01T02:00:00Z"
TOOLS = Path(
    os.environ.get("ASSAY_TOOLS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tools"
)
TERRAFORM = """
variable "token" { sensitive = true }
resource "aws_instance" "web" {
  user_data = "#!/bin/sh\\nexport DB_PASSWORD=planted-in-a-script-1\\nrun --token ${var.token}"
}
resource "aws_db_instance" "orders" {
  engine              = "postgres"
  multi_az            = false
  password            = "planted-terraform-password"
  deletion_protection = true
} # assay:exception EX-1, see also assay:exception EX-9
# assay:exception EX-9
"""
MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data:
  DB_PASSWORD: planted
  URL: postgres://app:planted-in-a-url-1@db.internal:5432/orders
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: shop}
stringData: {token: planted-in-a-secret}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: plain, namespace: shop}
data: {start.sh: "docker login -u a -p planted-on-a-line; run --api-key=planted-as-an-option"}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: web
      image: registry.internal/web:1
      env: [{name: API_TOKEN, value: planted-in-a-variable}]
"""
PIPELINE = """
variables: {DEPLOY_TOKEN: planted-in-a-pipeline}
build: {script: ["deploy --password=planted-in-a-job"]}
"""
STATE = {
    "version": 4,
    "outputs": {"o": {"value": "planted-in-an-output", "type": "string", "sensitive": True}},
    "resources": [
        {
            "mode": "managed",
            "type": "aws_db_instance",
            "name": "held",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [
                {
                    "attributes": {"password": "planted-in-a-state", "multi_az": True},
                    "sensitive_attributes": [[{"type": "get_attr", "value": "password"}]],
                }
            ],
        }
    ],
}
EXCEPTION = """
id: EX-1
controls: [multi-az-database]
resources: [{address: aws_db_instance.orders}]
reason: The orders are rebuilt each night.
compensating: The source is copied elsewhere.
requester: ann@example.com
approver: bob@example.com
approved: 2026-01-01
expires: 2026-12-01
"""


MORE = ("--exceptions", "exceptions", "--state", "held.tfstate")


def write_key(folder: Path, name: str, passphrase: bytes | None = None) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    closed = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public)
    return folder / f"{name}.pem"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with sources, exceptions and keys, which is the current directory."""
    folder = tmp_path_factory.mktemp("evidence")
    (folder / "src").mkdir()
    (folder / "src" / "main.tf").write_text(TERRAFORM)
    (folder / "src" / "app.yaml").write_text(MANIFEST)
    (folder / "src" / "terraform.tfvars").write_text('token = "planted-in-tfvars"')
    (folder / "src" / ".gitlab-ci.yml").write_text(PIPELINE)
    (folder / "held.tfstate").write_text(json.dumps(STATE))
    (folder / "exceptions").mkdir()
    (folder / "exceptions" / "a.yaml").write_text(EXCEPTION)
    for name in ("key", "other"):
        write_key(folder, name)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def assay(*words: str) -> int:
    return cli.main(list(words))


def made(place: Path, name: str, *words: str, at: str = AT) -> bytes:
    code = assay("evidence", "bundle", "src", "--key", "key.pem", "-o", name, "--at", at, *words)
    assert code == 0
    return (place / name).read_bytes()


@pytest.fixture(scope="module")
def whole(place: Path) -> bytes:
    return made(place, "whole.tar", *MORE)


@pytest.fixture(scope="module")
def public(place: Path) -> keys.PublicKey:
    return keys.read_public("key.pub")


def test_the_same_inputs_give_the_same_bytes(place: Path, whole: bytes) -> None:
    assert made(place, "again.tar", *MORE) == whole
    packed = [made(place, f"{n}.tar.gz", *MORE) for n in (1, 2)]
    assert packed[0] == packed[1]
    assert gzip.decompress(packed[0]) == whole


def test_the_manifest_accounts_for_everything(whole: bytes) -> None:
    files = archive.read(whole)
    manifest = json.loads(files["manifest.json"])
    findings = json.loads(files["findings.json"])
    population = [json.loads(line) for line in files["population.jsonl"].splitlines()]
    assert manifest["counts"] == findings["counts"]
    assert {row["address"] for row in population} == {
        "root/src",
        "aws_db_instance.orders",
        "aws_db_instance.held",
        "aws_instance.web",
        "pipeline/src/.gitlab-ci.yml",
        "ConfigMap/shop/plain",
        "ConfigMap/shop/settings",
        "Secret/shop/token",
        "Pod/shop/web",
    }
    numbers = manifest["reconciliation"]
    assert numbers["discovered"] == len(population) + len(findings["gaps"])
    assert numbers["discovered"] == sum(numbers.values()) - numbers["discovered"]
    assert (manifest["at"], manifest["clock"], manifest["previous"]) == (AT, "given", None)
    assert (manifest["complete"], manifest["not_replayed"]) == (True, [])
    (covered,) = [each for each in findings["findings"] if each["excepted_by"]]
    assert (covered["control"], covered["status"]) == ("multi-az-database", "fail")


def test_no_planted_secret_is_in_any_byte(whole: bytes) -> None:
    for name, data in archive.read(whole).items():
        assert b"planted" not in data, name
    sources = {row["name"]: row for row in json.loads(archive.read(whole)["sources.json"])}
    held = {name for name, row in sources.items() if "withheld" in row}
    assert held == {
        "held.tfstate",
        "src/.gitlab-ci.yml",
        "src/app.yaml",
        "src/main.tf",
        "src/terraform.tfvars",
    }


def test_verify_accepts_it_and_replay_gives_the_same_findings(
    place: Path, whole: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assay("evidence", "verify", "whole.tar", "--key", "key.pub") == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert assay("evidence", "replay", "whole.tar", "--key", "key.pub") == 0
    total = sum(json.loads(archive.read(whole)["manifest.json"])["counts"].values())
    assert f"the same findings: {total} of {total} " in capsys.readouterr().out


def test_replay_notices_other_findings(
    place: Path, whole: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody with the key who writes other findings: the signature is right, they are not."""
    files = dict(archive.read(whole))
    files["findings.json"] = files["findings.json"].replace(b'"status":"fail"', b'"status":"pass"')
    del files["SHA256SUMS"], files["SHA256SUMS.sig"]
    signer = keys.signer("key.pem", None, None, {})
    files["SHA256SUMS"] = bundle.sums(files)
    files["SHA256SUMS.sig"] = signer.sign(files["SHA256SUMS"])
    Path("lie.tar").write_bytes(archive.write(files, False))
    assert assay("evidence", "replay", "lie.tar") == 1
    assert "other findings" in capsys.readouterr().err
    assert assay("evidence", "verify", "lie.tar", "--key", "key.pub") == 1  # by the attestation


# --- the tamper matrix ------------------------------------------------------------------------

Files = dict[str, bytes]


def edit(files: Files) -> None:
    files["findings.json"] = files["findings.json"].replace(b"fail", b"pass", 1)


def delete(files: Files) -> None:
    del files["population.jsonl"]


def add(files: Files) -> None:
    files["reports/more"] = b"more"


def rename(files: Files) -> None:
    files["reports/other"] = files.pop("reports/sarif")


def swap(files: Files) -> None:
    names = [name for name in sorted(files) if name.startswith("inputs/")][:2]
    files[names[0]], files[names[1]] = files[names[1]], files[names[0]]


def shift_time(files: Files) -> None:
    files["manifest.json"] = files["manifest.json"].replace(b"2026-03-01", b"2026-02-01")


def reorder_lines(files: Files) -> None:
    lines = files["population.jsonl"].splitlines(keepends=True)
    files["population.jsonl"] = b"".join(reversed(lines))


def reorder_sums(files: Files) -> None:
    files["SHA256SUMS"] = b"".join(reversed(files["SHA256SUMS"].splitlines(keepends=True)))


def mend_sums(files: Files) -> None:
    """An edit with sums that fit it: only the signature can tell."""
    edit(files)
    held = {n: d for n, d in files.items() if not n.startswith("SHA256SUMS")}
    files["SHA256SUMS"] = bundle.sums(held)


def other_key(files: Files) -> None:
    """Everything signed anew, by somebody else."""
    signer = keys.signer("other.pem", None, None, {})
    files["SHA256SUMS.sig"] = signer.sign(files["SHA256SUMS"])


def no_signature(files: Files) -> None:
    del files["SHA256SUMS.sig"]


def no_sums(files: Files) -> None:
    del files["SHA256SUMS"], files["SHA256SUMS.sig"]


def broken_signature(files: Files) -> None:
    files["SHA256SUMS.sig"] = b"0" * 70


@pytest.mark.parametrize(
    "change",
    [
        edit,
        delete,
        add,
        rename,
        swap,
        shift_time,
        reorder_lines,
        reorder_sums,
        mend_sums,
        other_key,
        no_signature,
        no_sums,
        broken_signature,
    ],
    ids=lambda change: change.__name__,
)
@pytest.mark.parametrize("packed", [False, True], ids=["tar", "gz"])
def test_every_change_is_refused(
    place: Path, whole: bytes, change: Callable[[Files], None], packed: bool
) -> None:
    files = dict(archive.read(whole))
    change(files)
    Path("changed.tar").write_bytes(archive.write(files, packed))
    assert assay("evidence", "verify", "changed.tar", "--key", "key.pub") == 1


def member(name: str, data: bytes = b"x", **more: Any) -> bytes:
    """One more member of a tar, as its bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for key, value in more.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))
        end = tar.offset
    return out.getvalue()[:end]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data + b"\n", "bytes follow it"),
        (lambda data: data + b"x" * 512, "bytes follow the end"),
        (lambda data: data + b"\0" * 512, "bytes follow the end"),
        (lambda data: data + b"\0" * 10240, "bytes follow the end"),
        (lambda data: data + data, "bytes follow the end"),
        (lambda data: data[:-1], "cut short"),
        (lambda data: data[: len(data) // 2], "cut short|unexpected end"),
        (lambda data: data[: len(data) // 1024 * 512], "cut short|unexpected end"),
        (lambda data: data[: data.rindex(b"ustar") + 255 + 1024], "cut short"),
        (lambda data: b"", "cut short"),
        (lambda data: b"no archive" * 512, "no archive"),
        (lambda data: member("../../etc/cron.d/x") + data, "does not stay inside"),
        (lambda data: member("/etc/passwd") + data, "does not stay inside"),
        (lambda data: member("a/../../b") + data, "does not stay inside"),
        (lambda data: member("a\\..\\b") + data, "does not stay inside"),
        (lambda data: member("a\x1b[31m") + data, "does not stay inside"),
        (lambda data: member("link", b"", type=tarfile.SYMTYPE, linkname="/") + data, "neither"),
        (lambda data: member("link", b"", type=tarfile.LNKTYPE, linkname="x") + data, "neither"),
        (lambda data: member("pipe", b"", type=tarfile.FIFOTYPE) + data, "neither"),
        (lambda data: member("README.md") + data, "twice"),
        (lambda data: gzip.compress(data, mtime=0) + b"x", "bytes follow"),
        (lambda data: gzip.compress(data, mtime=0) * 2, "bytes follow"),
        (lambda data: gzip.compress(data, mtime=0)[:-9], "cut short"),
        (lambda data: gzip.compress(b"\0" * 60_000_000, mtime=0), "too large"),
    ],
)
def test_an_archive_that_is_not_plain_is_refused(
    whole: bytes, public: keys.PublicKey, change: Callable[[bytes], bytes], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        bundle.verify(change(whole), public)


def test_any_flipped_byte_is_refused_or_changes_no_file(
    place: Path, whole: bytes, public: keys.PublicKey
) -> None:
    """Nothing can be hidden, not even in the filling between files."""
    manifest = json.loads(archive.read(whole)["manifest.json"])
    manifest |= {"catalogue": {"digest": "0"}, "parameters": {}, "run": {}, "not_replayed": []}
    contents = {"findings.json": b"{}\n", "population.jsonl": b"{}\n"}
    signer = keys.signer("key.pem", None, None, {})
    small = bundle.build(contents, manifest, {}, signer, False)
    files = archive.read(small)
    assert bundle.verify(small, public).files == files
    accepted = 0
    for at in range(0, len(small), 17):
        changed = bytearray(small)
        changed[at] ^= 0x41
        try:
            opened = bundle.verify(bytes(changed), public)
        except InputError:
            continue
        accepted += 1
        assert opened.files == files
    assert accepted < 5  # what ends the sum of a header, which differs between programs too


@pytest.mark.parametrize("how", ["tar -cf", "tar --format=pax -cf", "tar -czf"])
def test_another_tar_of_the_same_files_is_accepted(
    place: Path, whole: bytes, tmp_path: Path, how: str
) -> None:
    subprocess.run(["tar", "-xf", place / "whole.tar", "-C", tmp_path], check=True)
    subprocess.run([*how.split(), "other.tar", "-C", tmp_path, "."], check=True)
    assert assay("evidence", "verify", "other.tar", "--key", "key.pub") == 0
    (tmp_path / "reports" / "x").write_text("x")
    subprocess.run([*how.split(), "other.tar", "-C", tmp_path, "."], check=True)
    assert assay("evidence", "verify", "other.tar", "--key", "key.pub") == 1


def test_a_dropped_run_is_noticed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"night-{day}.tar" for day in (1, 2, 3)]
    for day, name in enumerate(names, start=1):
        made(place, name, "--history", "chain.db", at=f"2026-04-0{day}T02:00:00Z")
    assert assay("evidence", "verify", *names, "--key", "key.pub") == 0
    assert assay("evidence", "verify", names[0], names[2], "--key", "key.pub") == 1
    assert "a run is missing or out of order" in capsys.readouterr().err
    assert assay("evidence", "verify", *reversed(names), "--key", "key.pub") == 1
    made(place, "next.tar", "--previous", names[2], at="2026-04-04T02:00:00Z")
    assert assay("evidence", "verify", names[2], "next.tar", "--key", "key.pub") == 0
    rebuild = ["evidence", "history", "rebuild", names[0], names[2], "-o", "torn.db"]
    capsys.readouterr()
    assert assay(*rebuild) == 2
    assert capsys.readouterr().err.startswith("error[evidence-missing]: between night-1.tar and ")
    assert not Path("torn.db").exists()
    assert assay(*rebuild, "--allow-missing") == 0


def test_a_scan_between_two_bundles_does_not_break_their_chain(place: Path) -> None:
    made(place, "one.tar", "--history", "mixed.db", at="2026-04-01T02:00:00Z")
    assay("scan", "src", "--history", "mixed.db", "--at", "2026-04-02T02:00:00Z", "--quiet")
    made(place, "two.tar", "--history", "mixed.db", at="2026-04-03T02:00:00Z")
    assert assay("evidence", "verify", "one.tar", "two.tar", "--key", "key.pub") == 0


# --- truth that is not ours -------------------------------------------------------------------


def test_the_four_commands_of_the_readme_accept_it_and_notice_each_change(
    place: Path, whole: bytes, tmp_path: Path
) -> None:
    text = archive.read(whole)["README.md"].decode()
    (script,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert script.count("\n") == 4
    (tmp_path / "BUNDLE").write_bytes(whole)
    shutil.copy(place / "key.pub", tmp_path / "public.pem")

    def check(prefix: str = "") -> int:
        shutil.rmtree(tmp_path / "evidence", ignore_errors=True)
        lines = script.splitlines()
        program = "\n".join(["set -e", lines[0], prefix, *lines[1:]])
        return subprocess.run(
            ["sh", "-c", program], cwd=tmp_path, capture_output=True, check=False
        ).returncode

    assert check() == 0
    for change in (
        "echo x >> findings.json",
        "rm population.jsonl",
        "echo x > reports/more",
        "mv reports/sarif reports/other",
        "printf x >> SHA256SUMS",
        "printf x > SHA256SUMS.sig",
    ):
        assert check(change) != 0, change


def test_signatures_are_deterministic_and_openssl_makes_the_same_kind(
    place: Path, whole: bytes
) -> None:
    files = archive.read(whole)
    command = "openssl dgst -sha256 -sign key.pem"
    code = assay("evidence", "bundle", "src", "--sign-command", command, "-o", "s.tar", "--at", AT)
    assert code == 0
    assert assay("evidence", "verify", "s.tar", "--key", "key.pub") == 0
    signer = keys.signer("key.pem", None, None, {})
    assert signer.sign(files["SHA256SUMS"]) == files["SHA256SUMS.sig"]


def test_sigstores_own_verifier_accepts_the_attestation(
    place: Path, whole: bytes, tmp_path: Path
) -> None:
    packages = TOOLS / "sigstore" / "node_modules"
    if not (packages / "@sigstore" / "verify").is_dir() or not shutil.which("node"):
        pytest.skip("needs node and @sigstore/verify in the cache (.ci/run fetches it)")
    file = tmp_path / "bundle.json"
    program = Path(__file__).with_name("sigstore.cjs")
    data = archive.read(whole)["attestation.sigstore.json"]
    statement = json.loads(base64.b64decode(json.loads(data)["dsseEnvelope"]["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"

    def verify(data: bytes, key: str) -> int:
        file.write_bytes(data)
        words = ["node", str(program), str(packages), str(file), key]
        return subprocess.run(words, capture_output=True, check=False).returncode

    assert verify(data, "key.pub") == 0
    assert verify(data, "other.pub") == 1
    changed = json.loads(data)
    statement["subject"][0]["digest"]["sha256"] = "0" * 64
    changed["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    assert verify(json.dumps(changed).encode(), "key.pub") == 1


# --- keys -------------------------------------------------------------------------------------


def test_a_key_comes_from_the_environment(
    place: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.KEY_VARIABLE, Path("key.pem").read_text())
    words = [*MORE, "-o", "env.tar", "--at", AT]
    assert assay("evidence", "bundle", "src", *words) == 0
    assert Path("env.tar").read_bytes() == whole


def test_an_encrypted_key_needs_its_passphrase(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(write_key(tmp_path, "closed", b"not-a-real-passphrase"))
    words = ["evidence", "bundle", "src", "--key", key, "-o", "closed.tar"]
    assert assay(*words) == 2
    monkeypatch.setenv(keys.PASSPHRASE_VARIABLE, "not-a-real-passphrase")
    assert assay(*words) == 0
    public = str(tmp_path / "closed.pub")
    assert assay("evidence", "verify", "closed.tar", "--key", public) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "evidence-key"),
        (["--key", "no.pem"], "path-not-found"),
        (["--key", "key.pub"], "evidence-key"),
        (["--key", "rsa.pem"], "evidence-key"),
        (["--key", "key.pem", "--sign-command", "true"], "usage"),
        (["--sign-command", "no-such-command"], "evidence-sign"),
        (["--sign-command", "false"], "evidence-sign"),
        (["--sign-command", "echo nonsense"], "evidence-sign"),
        (
            ["--sign-command", "openssl dgst -sha256 -sign key.pem", "--public-key", "other.pub"],
            "evidence-sign",
        ),
        (["--key", "key.pem", "--history", "no/such/folder/h.db"], "history-unusable"),
    ],
)
def test_what_cannot_be_signed_is_said_and_nothing_is_written(
    place: Path, words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(
        ["openssl", "genrsa", "-out", "rsa.pem", "2048"], check=True, capture_output=True
    )
    assert assay("evidence", "bundle", "src", "-o", "none.tar", *words) == 2
    assert capsys.readouterr().err.startswith(f"error[{code}]: ")
    assert not Path("none.tar").exists()


# --- coverage ---------------------------------------------------------------------------------


def test_incomplete_coverage_is_signed_only_when_told_and_said_inside(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tf").write_text('resource "aws_db_instance" "a" {')
    words = ["evidence", "bundle", str(tmp_path), "--key", "key.pem", "-o", "part.tar", "--at", AT]
    assert assay(*words) == 1
    assert "--allow-incomplete" in capsys.readouterr().err
    assert not Path("part.tar").exists()
    assert assay(*words, "--allow-incomplete") == 0
    files = archive.read(Path("part.tar").read_bytes())
    manifest = json.loads(files["manifest.json"])
    assert manifest["complete"] is False
    assert [each["reason"] for each in manifest["incomplete"]] == ["error"]
    assert "This evidence is incomplete" in files["README.md"].decode()
    assert "Everything that should" not in files["README.md"].decode()
    capsys.readouterr()
    assert assay("evidence", "verify", "part.tar", "--key", "key.pub") == 0
    assert "incomplete, as it says itself" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "value", "complete", "said"),
    [
        ("--require-coverage", "0", False, "This evidence is incomplete"),
        ("--allow", "module:module.*", True, "Left out, each allowed by name"),
    ],
)
def test_what_the_gate_bears_is_said_inside(
    place: Path, tmp_path: Path, word: str, value: str, complete: bool, said: str
) -> None:
    """A lower bound on coverage makes nothing complete; what is named is told as left out."""
    (tmp_path / "a.tf").write_text('module "far" { source = "git::https://example.invalid/x.git" }')
    words = ["evidence", "bundle", str(tmp_path), "--key", "key.pem", "-o", "bears.tar", "--at", AT]
    assert assay(*words) == 1
    code = assay(*words, word, value)
    files = archive.read(Path("bears.tar").read_bytes())
    manifest = json.loads(files["manifest.json"])
    assert (code, manifest["complete"]) == (0, complete)
    assert manifest["allowed" if complete else "incomplete"]
    assert said in files["README.md"].decode()
    assert "Everything that should" not in files["README.md"].decode()


def test_a_bundle_that_cannot_be_written_leaves_the_history_alone(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder.tar").mkdir(exist_ok=True)
    words = ["--key", "key.pem", "-o", "folder.tar", "--history", "alone.db", "--at", AT]
    assert assay("evidence", "bundle", "src", *words) == 2
    assert "report-write" in capsys.readouterr().err
    assert assay("evidence", "history", "check", "alone.db") == 0
    assert "0 runs" in capsys.readouterr().out
    assert not list(Path().glob("tmp*"))


# --- history, sample --------------------------------------------------------------------------


def test_a_history_is_rebuilt_from_bundles(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = []
    for day in (1, 2, 4):
        names.append(f"run-{day}.tar")
        more = ["--exceptions", "exceptions"] if day > 1 else []
        words = ["--history", "first.db", "--every", "1d", *more]
        made(place, names[-1], *words, at=f"2026-05-0{day}T02:00:00Z")
    rebuilt = ["evidence", "history", "rebuild", *reversed(names), "-o", "second.db"]
    assert assay(*rebuilt, "--key", "key.pub", "--every", "1d") == 0
    said = []
    for history in ("first.db", "second.db"):
        capsys.readouterr()
        words = ["--from", "2026-05-01", "--to", "2026-05-05", "--history", history, "-f", "json"]
        assert assay("evidence", "period", *words) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    found = json.loads(said[0])
    assert [run["complete"] for run in found["runs"]["list"]] == [True] * 3
    assert [each["id"] for each in found["exceptions"]] == ["EX-1", "EX-1"]
    assert len(found["gaps"]) == 2  # the third day, and the last
    assert assay(*rebuilt) == 2  # the file is there: nothing is overwritten


def test_scan_records_into_a_history(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in (1, 2):
        at = f"2026-06-0{day}T02:00:00Z"
        assert assay("scan", "src", "--history", "scan.db", "--at", at, "--quiet") == 1
    assert assay("scan", "src", "--history", "scan.db", "--at", AT, "--quiet") == 2
    assert "error[history-clock]" in capsys.readouterr().err
    words = ["--from", "2026-06-01", "--to", "2026-06-02", "--history", "scan.db"]
    assert assay("evidence", "period", *words) == 0
    said = capsys.readouterr().out
    assert "runs: 2 complete of 2 expected, 0 incomplete" in said
    assert "high[multi-az-database]: tested in 2 of 2 expected runs: 1 deviation," in said


def test_a_sample_can_be_drawn_again_from_any_order(
    place: Path, whole: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    def drawn(*words: str) -> Any:
        capsys.readouterr()
        assert assay("evidence", "sample", "whole.tar", *words, "-f", "json") == 0
        return json.loads(capsys.readouterr().out)

    first = drawn("--seed", "7", "--size", "5")
    assert drawn("--seed", "7", "--size", "5") == first
    assert drawn("--seed", "8", "--size", "5")["sample"] != first["sample"]
    assert drawn("--seed", "7", "--size", "3")["sample"] == first["sample"][:3]
    assert first["population"] == sum(
        json.loads(archive.read(whole)["manifest.json"])["counts"].values()
    )
    failing = drawn("--seed", "7", "--size", "999", "--status", "fail")
    assert {each["status"] for each in failing["sample"]} == {"fail"}
    assert len(failing["sample"]) == failing["population"]


SECRETIVE = """
id: secret-own
title: Passwords have 26 characters
severity: low
why: A control that reads a secret.
checks:
  - for: aws_db_instance
    assert: has(resource.password) && size(resource.password) == 26
    message: '{address} has a password of another length'
    fix: Write a longer one.
    examples:
      - name: long
        status: pass
        terraform: 'resource "aws_db_instance" "a" { password = "not-a-real-password-but-lo" }'
      - name: short
        status: fail
        terraform: 'resource "aws_db_instance" "a" { password = "short" }'
"""


def test_a_finding_that_rests_on_a_secret_is_named_and_not_replayed(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "secretive").mkdir()
    (place / "secretive" / "own.yaml").write_text(SECRETIVE)
    data = made(place, "rests.tar", "--rules", "secretive")
    manifest = json.loads(archive.read(data)["manifest.json"])
    assert [row[:2] for row in manifest["not_replayed"]] == [["secret-own", "aws_db_instance"]]
    capsys.readouterr()
    assert assay("evidence", "replay", "rests.tar") == 0
    said = capsys.readouterr().out
    total = sum(manifest["counts"].values())
    assert f"the same findings: {total - 1} of {total} " in said
    assert "rests on a secret, not judged again: secret-own" in said


COMMON = """
resource "aws_db_instance" "a" { password = "storefront" }
resource "aws_db_instance" "storefront" {}
"""


def test_a_replay_is_the_same_where_a_marked_value_is_a_common_word(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reports hide the word wherever it stands; the replay cannot know that it was a secret."""
    (tmp_path / "main.tf").write_text(COMMON)
    words = [
        "evidence",
        "bundle",
        str(tmp_path),
        "--key",
        "key.pem",
        "-o",
        "common.tar",
        "--at",
        AT,
    ]
    assert assay(*words) == 0
    files = archive.read(Path("common.tar").read_bytes())
    assert b"aws_db_instance.(sensitive)" in files["findings.json"]
    capsys.readouterr()
    assert assay("evidence", "replay", "common.tar") == 0
    assert capsys.readouterr().out.startswith("the same findings: ")
    for said, now, alike in (
        ("a (sensitive) c", "a word c", True),
        ("a (sensitive) c", "a word d", False),
        ("(sensitive), fail (sensitive)", "x, fail y", True),
        ("(sensitive), fail (sensitive)", "x, pass y", False),
        ("ab(sensitive)b", "ab", False),
    ):
        assert evidence_replay._alike(said, now) is alike


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: own-policy}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations: [{expression: "object.metadata.name != 'web'", message: no web}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: own-binding}
spec: {policyName: own-policy, validationActions: [Deny]}
"""


def test_admission_policies_of_ones_own_are_replayed(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "admission").mkdir()
    (place / "admission" / "own.yaml").write_text(POLICY)
    data = made(place, "admission.tar", "--policies", "admission")
    findings = json.loads(archive.read(data)["findings.json"])["findings"]
    found = [each["status"] for each in findings if each["control"] == "own-policy"]
    assert found == ["fail"]
    (place / "admission").rename(place / "gone-admission")
    capsys.readouterr()
    assert assay("evidence", "replay", "admission.tar") == 0
    assert f"the same findings: {len(findings)} of {len(findings)} " in capsys.readouterr().out


CONFIG = """
severities: {multi-az-database: low}
owners: CODEOWNERS
exceptions: exceptions
rules: [own]
paths:
  - match: "src/main.tf"
    disable:
      - {control: backup-database-retention, reason: replaced in spring}
"""
OWN = """
id: network-own
title: Databases are named
severity: low
why: A control of our own.
checks:
  - for: aws_db_instance
    assert: has(resource.engine)
    message: '{address} has no engine'
    fix: Set `engine`.
    examples:
      - {name: named, status: pass, terraform: 'resource "aws_db_instance" "a" { engine = "x" }'}
      - {name: not, status: fail, terraform: 'resource "aws_db_instance" "a" {}'}
"""


def test_a_configuration_is_replayed_by_its_effects(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "own").mkdir()
    (place / "own" / "own.yaml").write_text(OWN)
    (place / "CODEOWNERS").write_text("src/ @platform\n")
    (place / "assay.yaml").write_text(CONFIG)
    data = made(place, "configured.tar", "--config", "assay.yaml")
    findings = json.loads(archive.read(data)["findings.json"])["findings"]
    found = {each["control"]: each for each in findings}
    assert found["network-own"]["status"] == "pass"
    assert found["multi-az-database"]["severity"] == "low"
    assert found["multi-az-database"]["excepted_by"] == "EX-1"
    assert found["multi-az-database"]["owners"] == ["@platform"]
    assert found["backup-database-retention"]["status"] == "not_applicable"
    for name in ("own", "assay.yaml", "CODEOWNERS"):
        (place / name).rename(place / f"gone-{name}")
    capsys.readouterr()
    assert assay("evidence", "replay", "configured.tar") == 0
    assert f"the same findings: {len(findings)} of {len(findings)} " in capsys.readouterr().out

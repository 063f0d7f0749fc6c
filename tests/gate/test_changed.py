"""`--changed-since`: what the change brings, by content; what judges is read in the commit."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from assay.engine import cli

ROOT = Path(__file__).parents[2]
DATABASE = 'resource "aws_db_instance" "%s" {\n  multi_az = %s\n}\n'
CONTROL = "multi-az-database"
WORDS = ["--control", CONTROL, "--at", "2026-03-01"]
Rows = list[tuple[str, str, str | None]]


def git(*words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    safe = ["-c", "protocol.file.allow=always"]
    ran = subprocess.run(["git", *who, *safe, *words], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "-q", "-b", "main")
    write(folder, "tf/main.tf", DATABASE % ("old", "false"))
    commit()
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def commit() -> None:
    git("add", "-A")
    git("commit", "-qm", "x")


def scan(*words: str, since: str = "HEAD", paths: tuple[str, ...] = ("tf",)) -> tuple[int, Rows]:
    """The exit code, and address, status and mark of each finding."""
    given = ["scan", *paths, "-f", "json=out.json", *WORDS, "--changed-since", since, *words]
    code = cli.main(given)
    found = json.loads(Path("out.json").read_text())
    Path("out.json").unlink()
    return code, [
        (each["resource"]["address"], each["status"], each["excepted_by"])
        for each in found["findings"]
    ]


OLD = ("aws_db_instance.old", "fail", "unchanged")
NEW = ("aws_db_instance.new", "fail", None)


def test_what_was_there_does_not_block(repository: Path) -> None:
    assert scan() == (0, [OLD])


def test_a_new_fail_blocks(repository: Path) -> None:
    write(repository, "tf/new.tf", DATABASE % ("new", "false"))
    assert scan() == (1, [OLD, NEW])


def test_moved_lines_and_another_file_bring_nothing(repository: Path) -> None:
    (repository / "tf" / "main.tf").unlink()
    write(repository, "tf/else.tf", "# a comment\n\n\n" + DATABASE % ("old", "  false"))
    assert scan() == (0, [OLD])


def test_other_content_of_what_failed_blocks(repository: Path) -> None:
    write(repository, "tf/main.tf", 'resource "aws_db_instance" "old" {}\n')
    assert scan() == (1, [("aws_db_instance.old", "fail", None)])


def test_a_changed_module_reports_its_callers(repository: Path) -> None:
    call = 'module "%s" {\n  source = "../modules/db"\n}\n'
    write(repository, "tf/main.tf", call % "a" + call % "b")
    write(repository, "modules/db/main.tf", DATABASE % ("this", "true"))
    commit()
    write(repository, "modules/db/main.tf", DATABASE % ("this", "false"))
    found = [(f"module.{name}.aws_db_instance.this", "fail", None) for name in "ab"]
    assert scan(paths=("tf", "modules")) == (1, found)
    assert scan(since="HEAD~1", paths=("tf", "modules")) == (1, found)


def test_a_commit_before_the_paths_has_nothing(repository: Path) -> None:
    write(repository, "other/main.tf", DATABASE % ("new", "false"))
    assert scan(paths=("other",)) == (1, [NEW])
    assert scan(paths=("tf", "other")) == (1, [NEW, OLD])


def test_an_index_that_moves_is_no_new_finding(repository: Path) -> None:
    rule = '  ingress {\n    from_port = %d\n    to_port = %d\n    protocol = "tcp"\n%s  }\n'
    everywhere = '    cidr_blocks = ["0.0.0.0/0"]\n'
    group = 'resource "aws_security_group" "g" {\n%s}\n'
    write(repository, "tf/main.tf", group % (rule % (22, 22, everywhere)))
    commit()
    inside = rule % (443, 443, '    cidr_blocks = ["10.0.0.0/8"]\n')
    write(repository, "tf/main.tf", group % (inside + rule % (22, 22, everywhere)))
    words = ["scan", "tf", "-f", "json=out.json", "--framework", "cis-aws", "--changed-since"]
    assert cli.main([*words, "HEAD"]) == 0
    found = json.loads(Path("out.json").read_text())["findings"]
    assert {each["excepted_by"] for each in found if each["status"] == "fail"} == {"unchanged"}


def test_what_judges_is_read_in_the_commit(repository: Path) -> None:
    off = "disable:\n  - {control: multi-az-database, reason: not here}\n"
    write(repository, "assay.yaml", "environments: {}\n")
    commit()
    write(repository, "assay.yaml", off)
    write(repository, "tf/new.tf", DATABASE % ("new", "false"))
    changed = ("configuration-changed", "error", None)
    code, found = scan("--config", "assay.yaml")
    assert (code, found[:2], [each[1:] for each in found[2:]]) == (1, [OLD, NEW], [changed[1:]])
    allowed = ["--allow", "source:assay.yaml"]
    (repository / "tf" / "new.tf").unlink()
    assert scan("--config", "assay.yaml", *allowed)[0] == 0
    commit()
    assert scan("--config", "assay.yaml") == (0, [(OLD[0], "not_applicable", None)])
    git("rm", "-q", "assay.yaml")
    commit()
    write(repository, "assay.yaml", off)
    assert [each[1] for each in scan("--config", "assay.yaml")[1]] == ["fail", "error"]


@pytest.mark.parametrize("option", ["--params", "--rules"])
def test_parameters_and_controls_are_read_there_too(repository: Path, option: str) -> None:
    name = "judging/params.yaml" if option == "--params" else "judging/own.yaml"
    control = next((ROOT / "rules").rglob("multi-az/database.yaml"), None)
    assert control is not None
    own = control.read_text().replace(f"id: {CONTROL}", "id: multi-az-own")
    text = "multi-az-database: {}\n" if option == "--params" else own
    write(repository, name, text)
    commit()
    given = "judging/params.yaml" if option == "--params" else "judging"
    assert scan(option, given)[0] == 0
    write(repository, name, text + "# another\n")
    code, found = scan(option, given)
    assert (code, [each[1] for each in found]) == (1, ["fail", "error"])


def test_exceptions_of_the_branch_cover_nothing(repository: Path) -> None:
    write(repository, "tf/new.tf", DATABASE % ("new", "false"))
    write(repository, "exceptions/a.yaml", EXCEPTION)
    code, found = scan("--exceptions", "exceptions")
    assert (code, found[:2], len(found)) == (1, [OLD, NEW], 3)
    git("add", "exceptions")
    git("commit", "-qm", "reviewed")
    assert scan("--exceptions", "exceptions") == (0, [OLD, (NEW[0], "fail", "EX-1")])


EXCEPTION = """
id: EX-1
controls: [multi-az-database]
resources: [{address: aws_db_instance.new}]
reason: Rebuilt each night.
compensating: The source is copied.
requester: ann
approver: bob
approved: 2026-01-01
expires: 2026-12-01
"""


def test_a_broken_file_blocks_only_where_it_is_new(repository: Path) -> None:
    write(repository, "tf/broken.tf", 'resource "a" {\n')
    assert scan()[0] == 1
    commit()
    assert scan()[0] == 0


def test_nothing_of_the_tree_is_touched_or_run(repository: Path) -> None:
    git("config", "core.fsmonitor", "touch ran")
    git("config", "filter.f.smudge", "touch ran")
    write(repository, ".gitattributes", "* filter=f export-ignore\n")
    write(repository, "tf/staged.tf", "")
    git("add", "tf/staged.tf")
    status = ("-c", "core.fsmonitor=false", "status", "--porcelain")
    (repository / "ran").unlink(missing_ok=True)
    before = git(*status)
    assert scan() == (0, [OLD])
    assert git(*status) == before
    assert not (repository / "ran").exists()


def test_links_and_submodules(repository: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    shutil.copytree(repository, library)
    git("submodule", "--quiet", "add", str(library), "library")
    (repository / "tf" / "link.tf").symlink_to("/etc/passwd")
    commit()
    assert scan(paths=("library/tf",)) == (0, [OLD])
    shutil.rmtree(repository / "library")
    (repository / "library" / "tf").mkdir(parents=True)
    write(repository, "library/tf/main.tf", DATABASE % ("old", "false"))
    code, found = scan(paths=("library/tf",))
    assert (code, found) == (1, [("aws_db_instance.old", "fail", None)])


def test_installed_modules_are_not_new(repository: Path) -> None:
    installed = {"Modules": [{"Key": "db", "Source": "x/db/aws", "Dir": ".terraform/modules/db"}]}
    write(repository, ".gitignore", ".terraform/\n")
    write(repository, "tf/main.tf", 'module "db" {\n  source = "x/db/aws"\n}\n')
    write(repository, "tf/.terraform/modules/modules.json", json.dumps(installed))
    write(repository, "tf/.terraform/modules/db/main.tf", DATABASE % ("this", "false"))
    commit()
    assert scan() == (0, [("module.db.aws_db_instance.this", "fail", "unchanged")])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tf", "--changed-since", "nothing"], "git", "no commit that this clone has"),
        (["tf", "--changed-since=--all"], "usage", "no revision"),
        (["..", "--changed-since", "HEAD"], "reviewed-outside", "not inside the repository"),
        (["tf", "--plan", "p.json", "--changed-since", "HEAD"], "usage", "--plan"),
        (["--snapshot", "s", "--changed-since", "HEAD"], "usage", "--snapshot"),
        (["--changed-since", "HEAD"], "usage", "give a PATH"),
    ],
)
def test_what_cannot_be_is_said(
    repository: Path, words: list[str], code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["scan", *words]) == 2
    error = capsys.readouterr().err
    assert f"error[{code}]" in error
    assert said in error


def test_a_shallow_clone_says_how_to_deepen_it(
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = git("rev-parse", "HEAD")
    write(repository, "tf/new.tf", DATABASE % ("new", "false"))
    commit()
    git("clone", "-q", "--depth", "1", f"file://{repository}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert cli.main(["scan", "tf", "--changed-since", first]) == 2
    assert "git fetch" in capsys.readouterr().err


def test_what_a_partial_clone_lacks_is_new_and_named(repository: Path) -> None:
    write(repository, "tf/other.tf", DATABASE % ("new", "false"))
    commit()
    id = git("rev-parse", "HEAD:tf/other.tf")
    (repository / ".git" / "objects" / id[:2] / id[2:]).unlink()
    assert scan() == (1, [OLD, NEW])
    cli.main(["scan", "tf", *WORDS, "-f", "json=out.json", "--changed-since", "HEAD"])
    notices = json.loads(Path("out.json").read_text())["notices"]
    assert [each["subject"] for each in notices][1:] == ["tf/other.tf"]


def test_no_repository_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    write(tmp_path, "main.tf", "")
    assert cli.main(["scan", "main.tf", "--changed-since", "HEAD"]) == 2
    assert "error[git]" in capsys.readouterr().err


def test_reports_say_what_was_left_out(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id = git("rev-parse", "HEAD")
    write(repository, "tf/new.tf", DATABASE % ("new", "false"))
    reports = ["-f", "text", "-f", "sarif=out.sarif", "-f", "markdown=out.md"]
    assert cli.main(["scan", "tf", *WORDS, *reports, "--changed-since", "main"]) == 1
    text = capsys.readouterr().out
    said = f"compared with main ({id[:12]}); there before, and so no block: 1 finding"
    assert said in text
    assert "aws_db_instance.new" in text
    assert "aws_db_instance.old" not in text
    results = json.loads(Path("out.sarif").read_text())["runs"][0]["results"]
    assert sorted(str(each.get("baselineState")) for each in results) == ["new", "unchanged"]
    assert said.partition("; ")[2] in Path("out.md").read_text().replace("\\", "")


def test_a_sibling_that_kept_another_compliant_shows_what_is_bare_now(repository: Path) -> None:
    lock = (
        'resource "aws_s3_bucket" "b" {}\n'
        'resource "aws_s3_bucket_public_access_block" "b" {\n  bucket = aws_s3_bucket.b.id\n%s}\n'
    )
    names = ("block_public_acls", "block_public_policy", "ignore_public_acls")
    flags = "".join(f"  {name} = true\n" for name in (*names, "restrict_public_buckets"))
    write(repository, "tf/main.tf", lock % flags)
    commit()
    write(repository, "tf/main.tf", 'resource "aws_s3_bucket" "b" {}\n')
    words = ["scan", "tf", "-f", "json=out.json", "--changed-since", "HEAD"]
    assert cli.main(words) == 1
    found = json.loads(Path("out.json").read_text())["findings"]
    fails = {
        each["control"] for each in found if each["status"] == "fail" and not each["excepted_by"]
    }
    assert any("public" in control for control in fails)
    assert any(each["excepted_by"] == "unchanged" for each in found)

"""What charts and kustomizations gave is kept: never another answer, and never a secret."""

from __future__ import annotations

import os
import random
import sys

import pytest

from assay.engine import cli, kept

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: {replicas}
  template:
    spec:
      containers:
      - name: app
        image: registry.example/{name}:{replicas}
"""
# Stands for helm and kustomize: notes that it ran, and prints the YAML below its folder.
PROGRAM = """#!{python} -I
import pathlib, sys
with open({log!r}, "a") as log:
    log.write("x")
folder = pathlib.Path(next(each for each in sys.argv[1:] if each.startswith("/")))
for path in sorted(folder.rglob("*.yaml")):
    if "kind: Deployment" in path.read_text() or "kind: Secret" in path.read_text():
        print("---")
        print("# Source: shop/" + path.relative_to(folder).as_posix())
        print(path.read_text())
for at, word in enumerate(sys.argv):
    if word == "--values":
        print("---\\napiVersion: v1\\nkind: ConfigMap\\nmetadata: {{name: values}}\\ndata:")
        print("  text: " + pathlib.Path(sys.argv[at + 1]).read_text().strip())
    if word == "--set":
        print("---\\napiVersion: v1\\nkind: ConfigMap\\nmetadata: {{name: set}}\\ndata:")
        print("  text: " + sys.argv[at + 1])
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A tree with a chart and a kustomization, programs that render them, and a cache."""
    programs = tmp_path / "bin"
    programs.mkdir()
    log = tmp_path / "log"
    for name in ("helm", "kustomize"):
        path = programs / name
        path.write_text(PROGRAM.format(python=sys.executable, log=str(log)))
        path.chmod(0o755)
    tree = tmp_path / "tree"
    for folder in ("chart/templates", "overlay"):
        (tree / folder).mkdir(parents=True)
    (tree / "chart/Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (tree / "chart/templates/a.yaml").write_text(DEPLOYMENT.format(name="a", replicas=1))
    (tree / "overlay/kustomization.yaml").write_text("resources: [b.yaml]\n")
    (tree / "overlay/b.yaml").write_text(DEPLOYMENT.format(name="b", replicas=2))
    (tmp_path / "values.yaml").write_text("one\n")
    for name in kept.PROTECTED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ASSAY_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scan(home, capsys):
    """The JSON report of a scan, and how many programs it ran."""

    def run(*words):
        log = home / "log"
        before = log.stat().st_size if log.exists() else 0
        cli.main(["scan", "tree", "-f", "json", *words])
        return capsys.readouterr().out, (log.stat().st_size if log.exists() else 0) - before

    return run


def entries(home):
    return sorted((home / "cache/assay/rendering").glob("*"))


def test_the_second_run_renders_nothing_and_says_the_same(home, scan):
    first, ran = scan()
    assert ran == 2
    assert "Deployment/shop/a" in first
    again, ran = scan()
    assert (again, ran) == (first, 0)
    assert scan("--no-cache") == (first, 2)
    assert len(entries(home)) == 2
    assert {path.stat().st_mode & 0o777 for path in entries(home)} == {0o600}


def test_random_edits_never_get_an_old_answer(home, scan):
    chance = random.Random(4)
    tree = home / "tree"

    def edit():
        kind = chance.randrange(8)
        name, number = chance.choice("abc"), chance.randint(1, 3)
        text = DEPLOYMENT.format(name=name, replicas=number)
        if kind < 3:
            (tree / chance.choice(["chart/templates/a.yaml", "overlay/b.yaml"])).write_text(text)
        elif kind == 3:
            (tree / f"chart/templates/{name}.yaml").write_text(text)
        elif kind == 4 and len(list((tree / "chart/templates").iterdir())) > 1:
            chance.choice(sorted((tree / "chart/templates").iterdir())).unlink()
        elif kind == 5:
            meta = f"apiVersion: v2\nname: shop\nversion: {number}.0.0\n"
            (tree / "chart/Chart.yaml").write_text(meta)
        elif kind == 6:
            (home / "values.yaml").write_text(chance.choice(["one", "two"]) + "\n")
        else:
            program = home / "bin" / chance.choice(["helm", "kustomize"])
            with program.open("a") as stream:
                stream.write(f"print('---')\nprint('''{text}''')\n")

    saved = 0
    for _ in range(60):
        edit()
        words = chance.choice(
            [(), ("--values", "values.yaml"), ("--set", f"x={chance.random():.1}")]
        )
        with_cache, ran = scan(*words)
        fresh, all_ran = scan(*words, "--no-cache")
        assert with_cache == fresh
        saved += all_ran - ran
    assert saved > 30


def test_a_secret_is_never_kept(home, scan):
    secret = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: not-a-real-one-7}\n"
    )
    (home / "tree/chart/templates/s.yaml").write_text(secret)
    config = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: k}\nspec: {x: %s}\n"
    (home / "tree/overlay/b.yaml").write_text(config % ("ghp_" + "aB3dE6gH9jK2" * 3))
    assert scan()[1] == 2
    assert scan()[1] == 2
    assert entries(home) == []


def test_a_rendering_that_failed_is_not_kept(home, scan):
    (home / "tree/overlay/b.yaml").write_text("kind: Deployment\nx: [\n")
    first = scan()
    assert len(entries(home)) == 1
    assert scan() == (first[0], 1)


@pytest.mark.parametrize("name", [*kept.PROTECTED, "ASSAY_NO_CACHE"])
def test_nothing_kept_is_used_on_a_protected_branch(home, scan, monkeypatch, name):
    first, _ = scan()
    monkeypatch.setenv(name, "true")
    for path in entries(home):
        path.write_bytes(b"")
    assert scan() == (first, 2)
    assert {path.read_bytes() for path in entries(home)} == {b""}


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_a_damaged_or_exchanged_result_is_none(home, scan, damage):
    first, _ = scan()
    one, two = entries(home)
    content = two.read_bytes()
    one.write_bytes(content if damage is None else damage)
    assert scan()[0] == first


def test_what_others_may_write_is_not_read(home, scan):
    first, _ = scan()
    one, two = entries(home)
    one.chmod(0o666)
    assert scan() == (first, 1)
    link = one.with_name("link")
    two.rename(link)
    two.symlink_to(link)
    assert scan()[1] == 1
    (home / "cache/assay/rendering").chmod(0o777)
    assert scan() == (first, 2)


def test_the_oldest_results_go_first(home, monkeypatch):
    results = kept.Results("rendering", lambda _: True)
    for number in range(5):
        results.put(f"{number:064x}", os.urandom(1000), [])
        os.utime(results.folder / f"{number:064x}", (number, number))
    monkeypatch.setattr(kept, "MOST", 3000)
    results.prune()
    assert [path.name[-1] for path in entries(home)] == ["3", "4"]

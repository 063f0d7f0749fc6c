"""assay init: a commented configuration and a CI file for what a repository holds."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from assay.engine.commands import init_texts, writing
from assay.engine.commands.init_texts import Chart, Found, Root
from assay.engine.errors import printable, usage
from assay.engine.files import Tree, discover

CONFIG = "assay.yaml"
WORKFLOW = ".github/workflows/assay.yml"
GITLAB = ".gitlab/assay.yml"
# Names by which environments are known, in the order in which changes go through them.
ENVIRONMENTS = {
    "dev": "dev",
    "development": "dev",
    "sandbox": "sandbox",
    "test": "test",
    "qa": "qa",
    "int": "int",
    "uat": "uat",
    "stage": "staging",
    "staging": "staging",
    "preprod": "preprod",
    "live": "production",
    "prd": "production",
    "prod": "production",
    "production": "production",
}
SUFFIXES = (".tfvars", ".tfvars.json")
SECONDS = 10


def options(parser: argparse.ArgumentParser) -> None:
    """Where, for which CI, and whether files that are there are replaced."""
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR")
    parser.add_argument("--ci", choices=("gitlab", "github", "none"), help="else what is found")
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def run(args: argparse.Namespace) -> int:
    """0 once the files are written; what was found, written and left alone is on stdout."""
    folder = Path(args.folder)
    if not folder.is_dir():
        raise usage(f"no such folder: {printable(args.folder)}", code="path-not-found")
    found = look(folder)
    wanted = {CONFIG: init_texts.configuration(found)}
    hosts = [args.ci] if args.ci else sorted(found.hosts)
    if "gitlab" in hosts:
        wanted[GITLAB] = init_texts.gitlab()
    if "github" in hosts:
        wanted[WORKFLOW] = init_texts.github()
    _check(folder, wanted[CONFIG])
    print(init_texts.summary(found))
    for name, text in wanted.items():
        target = folder / name
        if target.is_symlink() or (target.exists() and not args.force):
            print(f"{name} is there already and stays as it is; --force replaces it")
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{printable(str(target.parent))} cannot be made: {error.strerror}"
            raise usage(message, code="report-write") from None
        writing.whole(target, text.encode())
        print(f"{name} is written")
    if "gitlab" in hosts:
        print(f"add to .gitlab-ci.yml:\n\n  include:\n    - local: {GITLAB}\n")
    if not hosts:
        print("no CI was recognised: --ci gitlab or --ci github writes its file")
    where = "." if args.folder == "." else printable(args.folder)
    inside = CONFIG if args.folder == "." else printable(str(folder / CONFIG))
    print(f"next: assay scan {where} --config {inside}")
    return 0


def _check(folder: Path, text: str) -> None:
    """What is written must be read again: hold it against the catalogue first."""
    from assay.engine.catalogue.load import load
    from assay.engine.project import config

    config.check(config.read(str(folder / CONFIG), text.encode()), load())


def look(folder: Path) -> Found:
    """What lies below a folder, and where its CI runs."""
    tree = discover([str(folder)])
    prefix = "" if tree.bases[0].name == "." else f"{tree.bases[0].name}/"

    def inner(name: str) -> str:
        return name.removeprefix(prefix) if name != tree.bases[0].name else "."

    return Found(
        roots=tuple(_roots(tree, inner)),
        charts=tuple(_charts(tree, inner)),
        kustomizations=sum(_named(file.name, "kustomization.y") for file in tree.files),
        manifests=sum(file.name.endswith((".yaml", ".yml", ".json")) for file in tree.files),
        hosts=frozenset(_hosts(folder)),
        owners=next((each for each in init_texts.OWNERS if (folder / each).is_file()), ""),
    )


def _named(name: str, start: str) -> bool:
    return name.rpartition("/")[2].lower().startswith(start)


def _roots(tree: Tree, inner: init_texts.Inner) -> list[Root]:
    from assay.engine.terraform.context import Library
    from assay.engine.terraform.loader import folders_of
    from assay.engine.terraform.roots import find_roots

    held = {
        file.name: inner(file.name) for file in tree.files if file.name.lower().endswith(SUFFIXES)
    }
    found: list[Root] = []
    for folder in find_roots(Library(tree), folders_of(tree)):
        own: dict[str, tuple[str, ...]] = {
            environment: (file,)
            for name, file in sorted(held.items())
            if _below(name, folder)
            and not name.endswith((".auto.tfvars", ".auto.tfvars.json"))
            and (environment := _environment(name.rpartition("/")[2].split(".")[0]))
        }
        if not own and (environment := _by_folder(inner(folder))):
            own = {environment: ()}
        found.append(Root(inner(folder), own))
    return found


def _below(name: str, folder: str) -> bool:
    return folder == "." or name.startswith(f"{folder}/")


def _charts(tree: Tree, inner: init_texts.Inner) -> list[Chart]:
    from assay.engine.kubernetes import charts

    found: list[Chart] = []
    for chart in charts.find(tree):
        if chart.library:
            continue
        values: dict[str, tuple[str, ...]] = {}
        for file in tree.files:
            name = file.name.rpartition("/")[2]
            if not _below(file.name, chart.folder) or not name.endswith((".yaml", ".yml")):
                continue
            rest = file.name if chart.folder == "." else file.name[len(chart.folder) + 1 :]
            if rest.startswith(("templates/", "charts/", "crds/")):
                continue
            stem = name.rpartition(".")[0].removeprefix("values").strip("-._")
            environment = _environment(stem)
            if environment and ("values" in rest or "environments/" in rest):
                values.setdefault(environment, (inner(file.name),))
        found.append(Chart(inner(chart.folder), values))
    return found


def _environment(word: str) -> str:
    return ENVIRONMENTS.get(word.lower(), "")


def _by_folder(folder: str) -> str:
    """The environment that a folder's path names; the innermost name decides."""
    return next(filter(None, map(_environment, reversed(folder.split("/")))), "")


def _hosts(folder: Path) -> list[str]:
    """Where its CI runs: by the files that are there, else by where git pushes to."""
    found = []
    if (folder / ".gitlab-ci.yml").is_file() or (folder / ".gitlab").is_dir():
        found.append("gitlab")
    if (folder / ".github").is_dir():
        found.append("github")
    if found:
        return found
    remotes = _remotes(folder)
    return [name for name in ("gitlab", "github") if name in remotes]


def _remotes(folder: Path) -> str:
    """The hosts of git's remotes, "" where there is no git or no repository."""
    try:
        ran = subprocess.run(
            ["git", "config", "--get-regexp", r"^remote\..*\.url$"],  # noqa: S607 - the user's git
            cwd=folder,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.decode("utf-8", "replace").lower()

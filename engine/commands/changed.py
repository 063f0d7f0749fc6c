"""`--changed-since REV`: two evaluations of content, and what the second has that the first lacks.

What judges (configuration, parameters, controls, exceptions, baseline, policies) is read as it is
in REV, for whoever writes a change could otherwise excuse it; a change to it is a finding itself.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.engine import committed, gate, reviewed
from assay.engine.baseline import plain
from assay.engine.catalogue import paths
from assay.engine.commands import scan as scanning
from assay.engine.commands import sources
from assay.engine.errors import InputError, Problem, printable, usage
from assay.engine.files import Tree
from assay.engine.judge.redaction import redacted
from assay.engine.model import (
    QUIET,
    UNCHANGED,
    Finding,
    Gap,
    Notice,
    Scan,
    SourceError,
    value_at,
)

Identity = tuple[str, ...]
YAML = (".yaml", ".yml")
FILES = ("var_file", "values")  # options that name files, several each
MODULES = Path(".terraform") / "modules"  # installed, and so in no commit
SHOWN = 20  # files that the clone lacks, by name
MAX_COPIED = 512 * 1024 * 1024  # bytes of installed modules


class Reviewed:
    """What judges, as a commit has it: `top` is the repository, `folder` the commit's files."""

    def __init__(self, revision: str, top: Path, id: str, folder: Path) -> None:
        self.revision = revision
        self.top = top.resolve()
        self.id = id
        self.folder = folder

    def inside(self, path: str | Path) -> Path | None:
        """Where a path stands in the commit's files; None for one outside the repository."""
        whole = Path(os.path.normpath(Path(path).absolute()))
        for place in (whole, whole.resolve()):
            if place == self.top or self.top in place.parents:
                return self.folder / place.relative_to(self.top)
        return None

    def folders(self, given: Sequence[Path]) -> list[Path]:
        """Folders as they are in the commit, those that it does not have left out."""
        return [Path(each) for each in self.existing(list(map(str, given)))]

    def existing(self, given: Sequence[str]) -> list[str]:
        """Paths in the commit; one outside the repository is not under review, and stays."""
        found = [(each, self.inside(each)) for each in given]
        return [
            each if held is None else str(held)
            for each, held in found
            if held is None or held.exists()
        ]

    def text(self, path: str) -> bytes | None:
        """The bytes of a file in the commit; None for one outside the repository."""
        held = self.inside(path)
        return None if held is None else held.read_bytes()

    def changes(self, path: str) -> list[SourceError]:
        """What the tree has otherwise than the commit, of what judges."""
        if self.inside(path) is None:
            return []
        texts = reviewed.texts(self.id, path)
        return reviewed.changes(self.revision, path, texts, YAML, "configuration-changed")


def judge(
    args: argparse.Namespace, at: datetime | None, options: gate.GateOptions
) -> tuple[Scan, Tree, gate.GateOptions]:
    """The scan with everything marked that REV has too, its files, and the gate that knows it."""
    _check(args)
    top, id = reviewed.commit(args.changed_since, ".")
    with tempfile.TemporaryDirectory(prefix="assay-") as name:
        held = Reviewed(args.changed_since, top, id, Path(name).resolve())
        _inside(held, args.paths)
        missing = committed.write(held.top, id, held.folder)
        mine, changes = _as_reviewed(args, held)
        tree = sources.discovered(mine)
        request = scanning.requested(mine, at, tree)
        request = request._replace(changes=[*request.changes, *changes])
        now = scanning.judged(request, scanning.loaded(request, mine, tree))
        known = {control.id for control in request.catalogue.controls}
        before, gaps = _before(args, at, held, now, known)
    found = _marked(now, before)
    return _told(found, held, gaps, missing), tree, options._replace(known=frozenset(gaps))


def _check(args: argparse.Namespace) -> None:
    """Refuse what no commit has."""
    for name in ("plan", "state", "cluster", "snapshot"):
        if getattr(args, name):
            help = "files of a repository can be compared; judge these in a scan of their own"
            raise usage(f"--changed-since cannot be used with --{name}: no commit has it", help)
    if not args.paths:
        raise usage("nothing to judge: give a PATH", "`assay scan .` judges this folder")


def _inside(held: Reviewed, given: Sequence[str]) -> None:
    here = held.inside(".")
    for path in ([] if here is not None else ["."]) + list(given):
        if held.inside(path) is None:
            shown = "this folder" if path == "." else printable(path)
            message = f"{shown} is not inside the repository {printable(held.top.name)}"
            help = "run it inside the repository, on paths of it"
            raise InputError(Problem("reviewed-outside", message, help=help))


def _as_reviewed(
    args: argparse.Namespace, held: Reviewed
) -> tuple[argparse.Namespace, list[SourceError]]:
    """The arguments with what judges as it is in the commit, and how the tree's own differs."""
    mine = copy.copy(args)
    mine.reviewed = held
    mine.exceptions_at = args.exceptions_at or held.id
    judging = [*args.rules, *args.policies, *filter(None, (args.config, args.params))]
    changes = [each for path in judging for each in held.changes(path)]
    for name in ("config", "params"):
        given = getattr(args, name)
        if given and not held.existing([given]):
            setattr(mine, name, None)
    if mine.params:
        mine.params = held.existing([mine.params])[0]
    mine.policies = held.existing(args.policies)
    for name in ("exceptions", "baseline"):
        given = getattr(args, name)
        if given and held.inside(given) is None:
            help = "what lies elsewhere is not under review: name it without --changed-since"
            raise usage(f"--{name} {printable(given)} is not inside the repository", help)
    return mine, changes


def _before(
    args: argparse.Namespace, at: datetime | None, held: Reviewed, now: Scan, known: Set[str]
) -> tuple[frozenset[Identity], list[tuple[str, str, str]]]:
    """What the commit has of what is wrong now: findings, and gaps."""
    wrong = frozenset(each.control for each in now.notable())
    open_gaps = {_gap(each) for each in now.gaps if each.blocks}
    if not wrong and not open_gaps:
        return frozenset(), []  # nothing is wrong: nothing to compare
    theirs = copy.copy(args)
    theirs.reviewed = None
    theirs.quiet = True
    theirs.control, theirs.framework = sorted(wrong & known) or sorted(known)[:1], []
    with _in_commit(theirs, held):
        if not theirs.paths:
            return frozenset(), []
        _installed(held)
        tree = sources.discovered(theirs)
        request = scanning.requested(theirs, at, tree, accepting=False)
        found = scanning.judged(request, scanning.loaded(request, theirs, tree))
        old = frozenset(_identity(each) for each in found.notable())
        return old, sorted(open_gaps & {_gap(each) for each in found.gaps})


def _gap(gap: Gap) -> tuple[str, str, str]:
    return gap.kind, gap.subject, gap.reason


@contextmanager
def _in_commit(args: argparse.Namespace, held: Reviewed) -> Iterator[None]:
    """Arguments and current folder as they would be in a work tree of the commit."""
    here = Path.cwd()
    there = held.inside(here)
    assert there is not None  # `_inside` has looked
    there.mkdir(parents=True, exist_ok=True)

    def moved(given: str) -> str | None:
        """A path of the commit, written as it was given; None where the commit has none."""
        target = held.inside(given)
        if target is None:
            return str(Path(given).absolute())
        if not target.exists():
            return None
        return given if not Path(given).is_absolute() else str(target)

    for name in ("paths", "rules", "policies", *FILES):
        setattr(args, name, [each for each in map(moved, getattr(args, name)) if each is not None])
    for name in ("config", "params", "facts"):
        given = getattr(args, name)
        setattr(args, name, moved(given) if given else given)
    os.chdir(there)
    try:
        yield
    finally:
        os.chdir(here)


def _installed(held: Reviewed) -> None:
    """Put the modules that terraform installed beside the commit's files: no commit has them."""
    left = MAX_COPIED
    for folder in sorted(held.top.rglob(str(MODULES))):
        target = held.folder / folder.relative_to(held.top)
        if target.exists() or not target.parent.parent.is_dir() or folder.is_symlink():
            continue
        left -= sum(each.lstat().st_size for each in folder.rglob("*"))
        if left < 0:
            return  # what they hold counts as new: too much is said, nothing too little
        shutil.copytree(folder, target, symlinks=True)


def _identity(finding: Finding) -> Identity:
    """What makes a finding the same one in another tree: never its file or line, nor an index."""
    resource = finding.resource
    return (
        finding.control,
        finding.check,
        finding.status,
        resource.source,
        resource.root,
        resource.environment,
        resource.address,
        "" if finding.status == "fail" else finding.message,
        _content(finding),
    )


def _content(finding: Finding) -> str:
    """A digest of the values that the violations point at, each with its path without indexes."""
    values = redacted(finding.resource)
    seen = sorted(
        json.dumps(
            [
                [step for step in paths.indexed(each.path) if not isinstance(step, int)],
                plain(value_at(values, paths.indexed(each.path))),
            ],
            sort_keys=True,
        )
        for each in finding.violations
    )
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()


def _marked(scan: Scan, old: frozenset[Identity]) -> Scan:
    """The scan with `excepted_by: unchanged` on every finding that the commit has too."""
    if not old:
        return scan

    def marked(made: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        for finding in made():
            if (
                finding.status not in QUIET
                and finding.excepted_by is None
                and _identity(finding) in old
            ):
                finding = finding._replace(excepted_by=UNCHANGED)
            yield finding

    return scan._replace(findings=Findings(scan, marked))


class Findings:
    """The findings, all or the notable ones, with the marks."""

    def __init__(self, scan: Scan, marked: Callable[[Any], Iterator[Finding]]) -> None:
        self._scan = scan
        self._marked = marked

    def __call__(self) -> Iterator[Finding]:
        """All of them."""
        return self._marked(self._scan.findings)

    def notable(self) -> Iterator[Finding]:
        """Those that are neither pass nor not_applicable."""
        return self._marked(self._scan.notable)


def _told(
    scan: Scan, held: Reviewed, gaps: Sequence[tuple[str, str, str]], missing: Sequence[str]
) -> Scan:
    """The scan with a notice of what it was compared with, and what that left out."""
    old = sum(1 for each in scan.notable() if each.excepted_by == UNCHANGED)
    said = [f"{old} finding{'' if old == 1 else 's'}"]
    if gaps:
        said.append(f"{len(gaps)} part{'' if len(gaps) == 1 else 's'} not evaluated")
    revision = printable(held.revision)
    named = held.id[:12] if held.id.startswith(held.revision) else f"{revision} ({held.id[:12]})"
    message = f"compared with {named}; there before, and so no block: {', '.join(said)}"
    notices = [*scan.notices, Notice("changed-since", held.id, message)]
    for name in missing[:SHOWN]:
        message = f"{printable(name)} is not in this clone as {named} has it: all of it is new"
        notices.append(Notice("changed-since", name, message))
    if len(missing) > SHOWN:
        message = f"{len(missing)} files are not in this clone as {named} has them: fetch them"
        notices.append(Notice("changed-since", held.id, message))
    return scan._replace(notices=notices)

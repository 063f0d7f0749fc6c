"""What admission costs: the export of the whole catalogue, and a user's policies on many objects.

Seconds of processor time, so that what else the machine does counts for nothing.

python tests/bench/admission.py [OBJECTS] [POLICIES]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.generated_objects import objects

from assay.engine.admission.collect import collect
from assay.engine.catalogue import load
from assay.engine.catalogue.controls import Catalogue
from assay.engine.cli import main
from assay.engine.kubernetes import objects as kubernetes
from assay.engine.model import Loaded, Place
from assay.engine.policies import documents
from assay.engine.policies.apply import apply
from assay.engine.scan import ScanOptions, scan
from assay.reports.gatekeeper import documents as yaml
from assay.reports.gatekeeper import vap
from assay.reports.gatekeeper.settings import Settings


def exports(folder: Path) -> None:
    for target in ("vap", "gatekeeper"):
        for state in ("first", "again"):
            start, output = time.process_time(), os.dup(1)
            with (folder / "said").open("w") as quiet:
                os.dup2(quiet.fileno(), 1)
                main(["export", target, str(folder / target)])
                sys.stdout.flush()
                os.dup2(output, 1)
            print(f"export {target}, {state:6} {time.process_time() - start:6.2f} s")


def policies(folder: Path, count: int, wanted: int) -> None:
    catalogue = load.load()
    params = {
        control.id: {param.name: param.default for param in control.params}
        for control in catalogue.controls
    }
    chosen = Settings("0", params)
    found = [each for each in collect(catalogue).policies if len(each.targets) > 1][:wanted]
    for policy in found:
        parts = [vap.policy(policy, chosen), vap.binding(policy, chosen)]
        held = vap.parameters(policy, chosen)
        parts += [held] if held is not None else []
        (folder / f"{policy.name}.yaml").write_text(yaml.dump(*parts), "utf-8")
    origin = kubernetes.Origin("manifest", ".", "default")
    place = Place("objects.yaml")
    resources = [kubernetes.resource(each, origin, {}, place) for each in objects(count)]
    before = scan(Catalogue((), {}, ""), [Loaded(resources, [], [])], ScanOptions())
    start = time.process_time()
    read = documents.read([str(folder)])
    between = time.process_time()
    result = apply(before, read)
    end = time.process_time()
    total = sum(result.counts.values())
    print(f"{len(found)} policies on {count} objects: {total} findings {dict(result.counts)}")
    print(f"reading {between - start:6.2f} s, judging {end - between:6.2f} s")


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        exports(Path(name))
        (Path(name) / "policies").mkdir()
        policies(Path(name) / "policies", *(words + [20_000, 60][len(words) :]))

"""The hand-written configurations of `cases/`: many small folders, each in one text file.

`-- PATH --` begins a file of the folder. What terraform sent to the provider lies in truth.json;
`python -m tests.terraform.cases PROVIDER-EXECUTABLE [NAME…]` asks anew (see tests/tools).
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from assay.engine.files import discover
from assay.engine.model import Incomplete, Resource, Unknown
from assay.engine.terraform.loader import Options, load
from assay.engine.terraform.schema import Block, table

FOLDER = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))
TRUTH = FOLDER / "truth.json"
UNKNOWN = {"?": True}
REFUSED = "refused"  # the truth of a configuration that terraform does not plan
_KEYS = """
  access_key = "fake"
  secret_key = "fake"
  skip_credentials_validation = true
  skip_requesting_account_id = true
  skip_metadata_api_check = true
"""


def unpack(name: str, folder: Path, for_terraform: bool = False) -> None:
    """Write the files of a case; for terraform with fake keys for the provider."""
    text = (FOLDER / f"{name}.txt").read_text()
    parts = re.split(r"^-- (\S+) --\n", text, flags=re.MULTILINE)[1:]
    keyed = False
    for path, content in zip(parts[::2], parts[1::2], strict=True):
        if for_terraform and path.endswith(".tf"):
            begin = re.compile(r'^provider "aws" {$', re.MULTILINE)
            content, found = begin.subn(rf'provider "aws" {{{_KEYS}', content)
            keyed = keyed or (bool(found) and "/" not in path)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    if for_terraform and not keyed:
        text = f'provider "aws" {{\n  region = "eu-central-1"{_KEYS}}}\n'
        (folder / "the_provider.tf").write_text(text)


def evaluated(name: str, folder: Path) -> Any:
    """What Assay says of a case: address → values, or REFUSED."""
    unpack(name, folder)
    loaded = load(discover([str(folder)]), Options())
    if loaded.errors:
        return {REFUSED: [error.message for error in loaded.errors]}
    return {
        resource.address: unordered(canonical(_values(resource)), table().resource(resource.kind))
        for resource in sorted(loaded.resources, key=lambda each: each.address)
        if resource.kind != "root"
    }


def unordered(value: Any, schema: Block | None) -> Any:
    """A configuration whose sets of blocks are sorted: we keep the order of the source."""
    if schema is None or not isinstance(value, dict):
        return value
    shown = dict(value)
    for name, inner in value.items():
        nested = schema.blocks.get(name)
        if nested is not None and isinstance(inner, list):
            shown[name] = [unordered(each, nested.block) for each in inner]
            if nested.nesting == "set":
                shown[name].sort(key=lambda each: json.dumps(each, sort_keys=True))
    return shown


def _values(resource: Resource) -> Any:
    def shown(value: Any) -> Any:
        if isinstance(value, Unknown | Incomplete):
            return dict(UNKNOWN)
        if isinstance(value, dict):
            return {key: shown(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [shown(inner) for inner in value]
        return value

    return shown(resource.values)


def canonical(value: Any) -> Any:
    """A value without null in maps: null is absent, everywhere."""
    if isinstance(value, dict):
        return {key: canonical(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    return value


def without_empty(value: Any, schema: Block | None) -> Any:
    """A recorded configuration without the empty lists that stand for blocks nobody wrote."""
    if schema is None or not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {}
    for name, inner in value.items():
        nested = schema.blocks.get(name)
        argument = schema.attributes.get(name)
        if argument is not None and argument.type.kind == "number" and isinstance(inner, str):
            inner = float(inner)  # one that has no exact double is sent as text
        if nested is None or inner == UNKNOWN:
            shown[name] = inner
        elif isinstance(inner, list) and inner:
            shown[name] = [without_empty(each, nested.block) for each in inner]
        elif isinstance(inner, dict):
            shown[name] = [without_empty(inner, nested.block)]
    return shown


def main() -> None:
    """Write truth.json anew, or the named cases of it."""
    from tests.tools.provider_proxy import Proxy

    truth = json.loads(TRUTH.read_text()) if TRUTH.exists() else {}
    names = sys.argv[2:] or NAMES
    proxy = Proxy(Path(sys.argv[1]))
    try:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                unpack(name, Path(folder), for_terraform=True)
                try:
                    found = proxy.record(Path(folder))
                except RuntimeError as error:
                    truth[name] = REFUSED
                    said = re.findall(r'"summary":"(.*?)"|^Error: (.*)', str(error), re.MULTILINE)
                    print(name, "is refused:", sorted({a or b for a, b in said if a[:1] != "#"}))
                    continue
            truth[name] = {
                address: unordered(
                    canonical(without_empty(config, table().resource(kind))), table().resource(kind)
                )
                for address, (kind, config) in found.items()
            }
    finally:
        proxy.close()
    truth = {name: truth[name] for name in NAMES if name in truth}
    TRUTH.write_text(json.dumps(truth, indent=0, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()

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
from assay.engine.model import Incomplete, Resource, Unknown, path_text
from assay.engine.model import Path as ModelPath
from assay.engine.terraform.loader import Options, load
from assay.engine.terraform.schema import Block, table
from assay.engine.terraform.types import Type

FOLDER = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))
TRUTH = FOLDER / "truth.json"
MARKS = FOLDER / "marks.json"  # address → paths of what the plan says is sensitive, where any is
UNKNOWN = {"?": True}
REFUSED = "refused"  # the truth of a configuration that terraform does not plan
_KEYS = """
  access_key = "fake"
  secret_key = "fake"
  skip_credentials_validation = true
  skip_requesting_account_id = true
  skip_metadata_api_check = true
"""


def parts(name: str) -> list[tuple[str, str]]:
    """The files of a case: path and text."""
    text = (FOLDER / f"{name}.txt").read_text()
    found = re.split(r"^-- (\S+) --\n", text, flags=re.MULTILINE)[1:]
    return list(zip(found[::2], found[1::2], strict=True))


def options(name: str, folder: Path) -> tuple[Options, list[str], dict[str, str]]:
    """How a case is run: for us, and as words and environment of `terraform plan`.

    A file `options.json` says it: `variables`, `files` (of variables), `workspace`, `environment`.
    """
    said = json.loads(dict(parts(name)).get("options.json", "{}"))
    files = [str(folder / path) for path in said.get("files", ())]
    words = [f"-var-file={path}" for path in files]
    words += [f"-var={key}={value}" for key, value in said.get("variables", {}).items()]
    environment = dict(said.get("environment", {}))
    ours = Options(
        variables=tuple(said.get("variables", {}).items()),
        variable_files=tuple(files),
        workspace=said.get("workspace", "default"),
        process_environment=environment,
    )
    if "workspace" in said:
        environment = {**environment, "TF_WORKSPACE": said["workspace"]}
    return ours, words, environment


def unpack(name: str, folder: Path, for_terraform: bool = False) -> None:
    """Write the files of a case; for terraform with fake keys for the provider."""
    keyed = False
    for path, content in parts(name):
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
    loaded = resources(name, folder)
    if isinstance(loaded, dict):
        return loaded
    return {
        resource.address: unordered(canonical(_values(resource)), table().resource(resource.kind))
        for resource in loaded
    }


def resources(name: str, folder: Path) -> Any:
    """The resources of a case, or a map with REFUSED."""
    unpack(name, folder)
    loaded = load(discover([str(folder)]), options(name, folder)[0])
    if loaded.errors:
        return {REFUSED: [error.message for error in loaded.errors]}
    found = sorted(loaded.resources, key=lambda each: each.address)
    return [resource for resource in found if resource.kind != "root" and resource.root == "."]


def marked(resource: Resource) -> list[str]:
    """Paths of the marked values of a resource, as the record has them."""
    schema = table().resource(resource.kind)
    paths = {_plan_path(path, schema) for path in resource.sensitive}
    return sorted(path_text(path) for path in paths)


def _plan_path(path: ModelPath, schema: Block | None) -> ModelPath:
    """Down to the first set: a plan marks sets as a whole."""
    types: Any = schema
    for at, step in enumerate(path):
        if isinstance(types, Block):
            nested = types.blocks.get(str(step))
            argument = types.attributes.get(str(step))
            if nested is not None:
                if nested.nesting == "set":
                    return path[: at + 1]
                types = nested.block
            else:
                types = argument.type if argument is not None else None
        elif isinstance(types, Type):
            if types.kind == "set":
                return path[:at]
            inner = types.attributes.get(str(step)) if types.kind == "object" else None
            types = types.element if types.kind in ("list", "map") else inner
    return path


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
    marks = json.loads(MARKS.read_text()) if MARKS.exists() else {}
    names = sys.argv[2:] or NAMES
    proxy = Proxy(Path(sys.argv[1]))
    try:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                unpack(name, Path(folder), for_terraform=True)
                _, words, environment = options(name, Path(folder))
                try:
                    found = proxy.record(Path(folder), *words, environment=environment)
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
            marks[name] = proxy.marks
    finally:
        proxy.close()
    truth = {name: truth[name] for name in NAMES if name in truth}
    marks = {name: marks[name] for name in NAMES if marks.get(name)}
    TRUTH.write_text(json.dumps(truth, indent=0, ensure_ascii=True) + "\n")
    MARKS.write_text(json.dumps(marks, indent=0, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()

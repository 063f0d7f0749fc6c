"""The files of one folder → a module as written: its blocks by name, overrides merged.

Nothing is evaluated here. Source: the Terraform language, "Files and Directories" and "Override
Files".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from assay.engine.errors import Problem, Text
from assay.engine.files import File, read
from assay.engine.terraform import hcl, json_blocks, json_syntax
from assay.engine.terraform.syntax import Attribute, Block, Body, Parsed

SUFFIXES = (".tf", ".tf.json", ".tofu", ".tofu.json")
MAX_FILE = 8 * 1024 * 1024  # bytes; a module's largest known file is a twentieth of it
# How many labels each kind of block has.
LABELS = {
    "variable": 1,
    "output": 1,
    "module": 1,
    "provider": 1,
    "check": 1,
    "resource": 2,
    "data": 2,
    "ephemeral": 2,
    "locals": 0,
    "terraform": 0,
    "moved": 0,
    "import": 0,
    "removed": 0,
}


class Broken(NamedTuple):
    """A block or file that was lost: `subject` is its address or name."""

    subject: str
    problem: Problem


class Module:
    """A folder's blocks. Keys: names, or (type, name) of resources and data sources."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.variables: dict[str, Block] = {}
        self.locals: dict[str, Attribute] = {}
        self.outputs: dict[str, Block] = {}
        self.resources: dict[tuple[str, str], Block] = {}
        self.data: dict[tuple[str, str], Block] = {}
        self.calls: dict[str, Block] = {}
        self.providers: list[Block] = []
        self.settings: list[Block] = []
        self.broken: list[Broken] = []

    @property
    def own_root(self) -> bool:
        """Whether it can only be a root: it configures a provider or a backend."""
        return bool(self.providers) or any(
            block.type in ("backend", "cloud")
            for each in self.settings
            for block in each.body.blocks
        )


Open = Callable[[File], bytes]


def is_configuration(name: str) -> bool:
    """Whether the file belongs to a module."""
    return name.endswith(SUFFIXES)


def load(folder: str, files: Iterable[File]) -> Module:
    """The module in a folder, given the files that lie in it."""
    module = Module(folder)
    chosen = _chosen([file for file in files if is_configuration(file.name)])
    ordinary = [file for file in chosen if not _is_override(file.name)]
    for file in ordinary:
        parsed = _parse(file, module)
        if parsed is not None:
            _add(module, parsed.body)
    for file in chosen:
        if _is_override(file.name):
            parsed = _parse(file, module)
            if parsed is not None:
                _override(module, parsed.body)
    return module


def _chosen(files: list[File]) -> list[File]:
    """Of `a.tf` and `a.tofu` the second is what OpenTofu reads; both are given: the first."""
    names = {file.name for file in files}
    ordered = sorted(files, key=lambda file: (file.name.rpartition("/")[2], file.name))
    return [
        file
        for file in ordered
        if not (".tofu" in file.name and file.name.replace(".tofu", ".tf") in names)
    ]


def _is_override(name: str) -> bool:
    stem = name.rpartition("/")[2]
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if stem.endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    return stem == "override" or stem.endswith("_override")


def _parse(file: File, module: Module) -> Parsed | None:
    try:
        data = read(file)
        if len(data) > MAX_FILE:
            raise OSError("the file is too large for a configuration")
        text = Text(file.name, data.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem("terraform-unreadable", f"cannot be read: {error}", file.name)
        module.broken.append(Broken(file.name, problem))
        return None
    if file.name.endswith(".json"):
        parsed = json_syntax.parse(text)
        parsed.body.blocks = [json_blocks.with_blocks(block) for block in parsed.body.blocks]
    else:
        parsed = hcl.parse(text)
    subjects = [*parsed.broken, *([file.name] * len(parsed.problems))]
    for subject, problem in zip(subjects, parsed.problems, strict=False):
        module.broken.append(Broken(subject, problem))
    return parsed


def _key(block: Block) -> tuple[str, ...]:
    return (block.type, *block.labels)


def _add(module: Module, body: Body) -> None:
    scoped = [
        inner
        for block in body.blocks
        if block.type == "check"
        for inner in block.body.blocks
        if inner.type == "data"
    ]
    for block in [*body.blocks, *scoped]:
        if len(block.labels) != LABELS.get(block.type, len(block.labels)):
            _lose(module, block, f"`{block.type}` takes {LABELS[block.type]} labels")
            continue
        place = _place(module, block)
        if place is None:
            continue
        table, key = place
        if key in table:
            _lose(module, block, f"`{'.'.join(_key(block))}` is declared twice in this module")
        else:
            table[key] = block
    for block in body.blocks:
        if block.type == "locals":
            for name, attribute in block.body.attributes.items():
                if name in module.locals:
                    _lose(module, attribute, f"the local `{name}` is declared twice")
                module.locals.setdefault(name, attribute)
        elif block.type == "provider":
            module.providers.append(block)
        elif block.type == "terraform":
            module.settings.append(block)


def _place(module: Module, block: Block) -> tuple[dict, object] | None:  # type: ignore[type-arg]
    """The table and key that a named block belongs to."""
    labels = block.labels
    match block.type:
        case "variable":
            return module.variables, labels[0]
        case "output":
            return module.outputs, labels[0]
        case "module":
            return module.calls, labels[0]
        case "resource":
            return module.resources, labels
        case "data":
            return module.data, labels
    return None


def _lose(module: Module, node: Block | Attribute, message: str) -> None:
    from assay.engine.errors import problem

    found = problem("terraform-duplicate", message, node.text, node.start, node.start + 1)
    subject = ".".join(_key(node)) if isinstance(node, Block) else f"local.{node.name}"
    module.broken.append(Broken(subject, found))


def _override(module: Module, body: Body) -> None:
    """Attributes are replaced one by one, nested blocks of a type all together."""
    for block in body.blocks:
        place = _place(module, block)
        if place is not None:
            table, key = place
            if key in table:
                table[key] = _merged(table[key], block)
            else:
                _lose(module, block, f"nothing is there to override: `{'.'.join(_key(block))}`")
        elif block.type == "locals":
            module.locals.update(block.body.attributes)
        elif block.type == "provider":
            same = [each for each in module.providers if _alias(each) == _alias(block)]
            for each in same:
                module.providers[module.providers.index(each)] = _merged(each, block)
            if not same:
                module.providers.append(block)
        elif block.type == "terraform":
            module.settings.append(block)


def _alias(block: Block) -> tuple[object, ...]:
    alias = block.body.attributes.get("alias")
    written = alias.expression if alias is not None else None
    value = getattr(getattr(written, "value", None), "v", None)
    return (*block.labels, value)


def _merged(base: Block, over: Block) -> Block:
    body = Body(base.body.text, base.body.start, base.body.end)
    body.attributes = {**base.body.attributes, **over.body.attributes}
    # Some arguments may be written as blocks: an argument wins over blocks, wherever it stands.
    replaced = {_nested(block) for block in over.body.blocks} | {*over.body.attributes}
    body.blocks = [block for block in base.body.blocks if _nested(block) not in replaced]
    body.blocks += [each for each in over.body.blocks if _nested(each) not in base.body.attributes]
    return Block(base.text, base.start, base.end, base.type, base.labels, body)


def _nested(block: Block) -> str:
    """A dynamic block counts as one of the type that it makes."""
    return block.labels[0] if block.type == "dynamic" and block.labels else block.type

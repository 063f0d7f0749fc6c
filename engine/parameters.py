"""A file of parameters (`--params`) → control id → name → value, with places for mistakes.

network-no-open-admin-ports: {ports: [22, 3389]}
expects: [cloudtrail]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Catalogue, fits
from assay.engine.catalogue.document import parse
from assay.engine.catalogue.reader import Reader
from assay.engine.errors import printable, usage

MAX_FILE = 1024 * 1024  # bytes


class Parameters(NamedTuple):
    """What the file sets: parameters by control, and what the estate is expected to have."""

    values: dict[str, dict[str, Any]]
    expects: frozenset[str]


def read(path: str, catalogue: Catalogue) -> Parameters:
    """The parameters in a file. Raises InputError with every mistake in it."""
    try:
        if Path(path).stat().st_size > MAX_FILE:
            raise usage(f"{printable(path)} is too large for a file of parameters")
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the parameters cannot be read: {printable(str(error))}"
        raise usage(message, code="path-not-found") from None
    root = parse(path, text)
    reader = Reader(path, text)
    known = {
        control.id: {param.name: param for param in control.params}
        for control in catalogue.controls
    }
    expected = {
        check.expects for control in catalogue.controls for check in control.checks if check.expects
    }
    values: dict[str, dict[str, Any]] = {}
    expects: tuple[str, ...] = ()
    for id, node in reader.mapping(root, (), "a file of parameters").items():
        if id == "expects":
            expects = reader.texts(node, "`expects`")
            for name in expects:
                if name not in expected:
                    help = f"controls know: {', '.join(sorted(expected)) or 'none'}"
                    reader.fail("no-expectation", f"no control expects `{name}`", node, help)
            continue
        if id not in known:
            reader.fail_at("no-control", f"no control `{id}`", root.keys[id])
            continue
        values[id] = {}
        for name, entry in reader.mapping(node, known[id] or ("",), f"`{id}`").items():
            param = known[id].get(name)
            if param is not None and not fits(param.type, entry.plain()):
                reader.fail("parameter-type", f"`{name}` must be a {param.type}", entry)
            values[id][name] = entry.plain()
    reader.done()
    return Parameters(values, frozenset(expects))

"""A CEL value → what JSON can say, for `assay cel` and explanations."""

from __future__ import annotations

import base64
import math
from typing import Any

from assay.engine.cel.values import CelType, Optional, UInt
from assay.engine.model import Unknown


def to_json(value: Any) -> Any:
    """Bytes as base64, durations, times, quantities and the like as their text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, UInt):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(to_json(key)): to_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [to_json(inner) for inner in value]
    if isinstance(value, Optional):
        return to_json(value.value) if value.present else None
    if isinstance(value, CelType):
        return value.name
    if isinstance(value, Unknown):
        return {"unknown": value.origin}
    return str(value)

"""What a function of the dialect is: its name, its types, what runs, and who has it since when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Overload(NamedTuple):
    """One form of a function.

    receiver    CEL type of the target of a method (`string`, `list(A)`); None: a global function
    parameters  CEL types of the arguments; capital letters stand for any one type
    result      CEL type of the result
    function    called with the target first; raises ValueError or TypeError
    since       the first Kubernetes version whose API server accepts it in a new policy
    cost        units of the API server's budget for one call, apart from its arguments' size
    """

    name: str
    receiver: str | None
    parameters: tuple[str, ...]
    result: str
    function: Callable[..., Any]
    since: tuple[int, int] = (1, 23)
    cost: int = 1

"""The refusals that a service answers with, read again."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from prober.commandline.refusal import Refusal
from prober.errors import ServiceError


def read_refusals(refusals: Any) -> list[Refusal]:
    """Refusals, from JSON.

    :raise ServiceError: where they are none.
    """
    try:
        read = TypeAdapter(list[Refusal]).validate_python(refusals)
    except ValidationError as error:
        raise ServiceError("the service refused the domain and did not say why") from error
    if not read:
        raise ServiceError("the service refused the domain and did not say why")
    return read

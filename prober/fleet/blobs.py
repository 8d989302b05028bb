"""Builds and variants as they are kept: compressed, under the name of what they hold.

Who keeps them is not trusted: a blob counts for nothing where what it holds has another name, or grows too large.
"""

from __future__ import annotations

import zlib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from prober.errors import FleetError
from prober.fleet.names import canonical, name_of

#: The most bytes that a blob may have, and what it holds.  QEMU 11.1.2 has 76 KB and 640 KB.
MOST_KEPT, MOST_HELD = 256 * 1024, 16 * 1024 * 1024

M = TypeVar("M", bound=BaseModel)


def pack_part(model: BaseModel) -> tuple[str, bytes]:
    """The name of a build or a variant, and its blob.

    :raise FleetError: where it is too large to be kept.
    """
    data = canonical(model)
    blob = zlib.compress(data, 9)
    if len(data) > MOST_HELD or len(blob) > MOST_KEPT:
        raise FleetError(f"what is known of this QEMU takes {len(blob)} bytes, more than a store keeps ({MOST_KEPT})")
    return name_of(data), blob


def unpack_part(name: str, blob: bytes, kind: type[M]) -> M:
    """The build or variant of this name, from its blob.

    :raise FleetError: where the blob is not what it is kept as: too large, damaged, of another name or form.
    """
    try:
        data = _inflated(blob)
    except zlib.error as error:
        raise FleetError(f"the blob of {name} is damaged: {error}") from error
    if (found := name_of(data)) != name:
        raise FleetError(f"the blob of {name} holds {found}")
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:200]
        raise FleetError(
            f"{name} is no {kind.__name__.lower()}: {where}: {first['msg'][:200]}",
            hint="it may come from a newer prober: use the same version everywhere",
        ) from error


def holds(name: str, blob: bytes) -> bool:
    """Whether a blob holds what it is named after.  It is inflated for that: some milliseconds."""
    try:
        return name_of(_inflated(blob)) == name
    except zlib.error:
        return False


def _inflated(blob: bytes) -> bytes:
    """What is in a blob, counted while it is inflated."""
    if len(blob) > MOST_KEPT:
        raise zlib.error(f"it has {len(blob)} bytes, {MOST_KEPT} are the most")
    inflating = zlib.decompressobj()
    data = inflating.decompress(blob, MOST_HELD)
    if not inflating.eof or inflating.unused_data:
        raise zlib.error(f"it is cut off, holds more than {MOST_HELD} bytes, or something stands behind it")
    return data

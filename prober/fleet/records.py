"""What a host says of itself: which builds it has, where, and which variants its kernel and CPU make of them.

    {"form":1,"name":"rack7-03","seq":12,"time":1796000000,"labels":{"rack":"7"},
     "builds":[["nyIyBSZe9FLzhvBpdlmBfUtPWw4","4e…","/usr/bin/qemu-system-x86_64"]]}

in one line without spaces: 209 bytes, and some 90 for each further build.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prober.errors import FleetError, UsageError
from prober.fleet.names import NAME

#: The most bytes that a record may have.
MOST_BYTES = 4096

#: What a host may be called, and a label: host names (RFC 1123) are, and Kubernetes' label names and values.
HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_LABEL = r"^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$"

HostName: TypeAlias = Annotated[str, Field(pattern=f"^{HOST_NAME.pattern}$")]
_ContentName: TypeAlias = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
_Key: TypeAlias = Annotated[str, Field(pattern=_LABEL)]
_Value: TypeAlias = Annotated[str, Field(pattern=_LABEL)] | Literal[""]


class HostBuild(NamedTuple):
    """One QEMU of a host: the names of its build and its variant, and where it lies."""

    build: _ContentName
    variant: _ContentName
    path: Annotated[str, Field(pattern=r"^/", max_length=1024)]


class HostRecord(BaseModel):
    """What a host says of itself.

    ``seq`` grows with each record of one host; ``time`` is the host's own clock (seconds since 1970) and told to
    people only, nothing is decided by it.  ``labels`` are the operator's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal[1] = 1
    name: HostName
    seq: Annotated[int, Field(ge=0, lt=1 << 53)] = 0
    time: Annotated[int, Field(ge=0, lt=1 << 53)] = 0
    labels: dict[_Key, _Value] = {}
    builds: tuple[HostBuild, ...] = ()


#: What the fields of a record are called.
_WORDS = {"name": "name of a host", "labels": "label", "builds": "path of a QEMU"}


def make_record(
    name: str, *, seq: int, time: int, labels: Mapping[str, str], builds: Iterable[HostBuild]
) -> HostRecord:
    """A record of these.

    :raise UsageError: where the name or a label is not one, or a path is not absolute.
    """
    try:
        return HostRecord(name=name, seq=seq, time=time, labels=dict(labels), builds=tuple(builds))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = _WORDS.get(str(first["loc"][0]), "number")
        hint = "letters, digits, dots, dashes and underscores, up to 253, a letter or digit first and last"
        raise UsageError(
            f"{str(first['input'])[:200]!r} is no {what}", hint="" if what == "path of a QEMU" else hint
        ) from error


def dump_record(record: HostRecord) -> bytes:
    """A record as it is stored.

    :raise FleetError: where it has more than :data:`MOST_BYTES`.
    """
    data = record.model_dump_json(exclude_defaults=True).encode()
    data = b'{"form":1,' + data[1:]
    if len(data) > MOST_BYTES:
        raise FleetError(
            f"the record of {record.name} has {len(data)} bytes, {MOST_BYTES} are the most",
            hint="give it fewer labels, or have it know fewer binaries",
        )
    return data


def load_record(name: str, data: bytes) -> HostRecord:
    """The record that is stored for the host of this name.

    :raise FleetError: where it is none: too large, damaged, of another form or another host.
    """
    if len(data) > MOST_BYTES:
        raise FleetError(f"the record of {name} has {len(data)} bytes, {MOST_BYTES} are the most")
    try:
        record = HostRecord.model_validate_json(data)
    except ValidationError as error:
        if (form := _form_of(data)) not in (None, "1"):
            raise FleetError(
                f"the record of {name} has form {form}, which this prober does not know",
                hint="bring the readers to the version of the hosts first",
            ) from error
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:100]
        raise FleetError(f"the record of {name} is damaged: {where}: {first['msg'][:200]}") from error
    if record.name != name:
        raise FleetError(f"the record of {name} says that it is one of {record.name}")
    return record


def _form_of(data: bytes) -> str | None:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return str(told.get("form"))[:20] if isinstance(told, dict) and "form" in told else None

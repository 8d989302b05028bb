"""Limits of reading and writing: ``<iotune>`` of a disk, and ``<throttlegroup>`` for several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from prober.commandline.options import Value
from prober.commandline.refusal import Broken
from prober.xml.binding import At, Checked, Qemu, qemu_fields
from prober.xml.values import Amount

#: The largest limit that QEMU takes (libvirt, ``QEMU_BLOCK_IOTUNE_MAX``).
_MOST = 10**15

_Limit: TypeAlias = Amount | None


class Limits(Checked):
    """Bytes and operations a second, and what may be exceeded for how many seconds; nothing, or 0, is no limit.

    The names behind ``Qemu`` are those of ``ThrottleLimits`` in QEMU's ``qapi/qom.json``.
    """

    total_bytes_sec: Annotated[_Limit, At("total_bytes_sec"), Qemu("bps-total")] = None
    read_bytes_sec: Annotated[_Limit, At("read_bytes_sec"), Qemu("bps-read")] = None
    write_bytes_sec: Annotated[_Limit, At("write_bytes_sec"), Qemu("bps-write")] = None
    total_iops_sec: Annotated[_Limit, At("total_iops_sec"), Qemu("iops-total")] = None
    read_iops_sec: Annotated[_Limit, At("read_iops_sec"), Qemu("iops-read")] = None
    write_iops_sec: Annotated[_Limit, At("write_iops_sec"), Qemu("iops-write")] = None
    total_bytes_sec_max: Annotated[_Limit, At("total_bytes_sec_max"), Qemu("bps-total-max")] = None
    read_bytes_sec_max: Annotated[_Limit, At("read_bytes_sec_max"), Qemu("bps-read-max")] = None
    write_bytes_sec_max: Annotated[_Limit, At("write_bytes_sec_max"), Qemu("bps-write-max")] = None
    total_iops_sec_max: Annotated[_Limit, At("total_iops_sec_max"), Qemu("iops-total-max")] = None
    read_iops_sec_max: Annotated[_Limit, At("read_iops_sec_max"), Qemu("iops-read-max")] = None
    write_iops_sec_max: Annotated[_Limit, At("write_iops_sec_max"), Qemu("iops-write-max")] = None
    size_iops_sec: Annotated[_Limit, At("size_iops_sec"), Qemu("iops-size")] = None
    total_bytes_sec_max_length: Annotated[_Limit, At("total_bytes_sec_max_length"), Qemu("bps-total-max-length")] = None
    read_bytes_sec_max_length: Annotated[_Limit, At("read_bytes_sec_max_length"), Qemu("bps-read-max-length")] = None
    write_bytes_sec_max_length: Annotated[_Limit, At("write_bytes_sec_max_length"), Qemu("bps-write-max-length")] = None
    total_iops_sec_max_length: Annotated[_Limit, At("total_iops_sec_max_length"), Qemu("iops-total-max-length")] = None
    read_iops_sec_max_length: Annotated[_Limit, At("read_iops_sec_max_length"), Qemu("iops-read-max-length")] = None
    write_iops_sec_max_length: Annotated[_Limit, At("write_iops_sec_max_length"), Qemu("iops-write-max-length")] = None

    def rules(self) -> Iterator[Broken]:
        """A total, or the two ways of it (``virDomainDiskIoTuneValidate``)."""
        for unit in ("bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max"):
            if getattr(self, f"total_{unit}") and (getattr(self, f"read_{unit}") or getattr(self, f"write_{unit}")):
                yield Broken(f"total_{unit}", f"total_{unit} and read_ or write_{unit} cannot be set together")
        for name, _ in qemu_fields(type(self)):
            if (getattr(self, name) or 0) > _MOST and not name.endswith("_length"):
                yield Broken(name, f"a limit is at most {_MOST}")

    @property
    def is_limiting(self) -> bool:
        """Whether there is any limit."""
        return any(getattr(self, name) for name, _ in qemu_fields(type(self)))

    @property
    def numbers(self) -> dict[str, Value]:
        """By QEMU's names: all limits, and the lengths that are given (``qemuMonitorMakeThrottleGroupLimits``)."""
        value: dict[str, Value] = {}
        for name, qemu in qemu_fields(type(self)):
            number: int = getattr(self, name) or 0
            if number or not name.endswith("_length"):
                value[qemu] = number
        return value

"""Firmware: its code, the descriptor that it comes from, and the file of its variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import UUID

from prober.commandline.refusal import Place
from prober.domain.os.loader import Nvram
from prober.host.descriptor import FlashMapping
from prober.rehearsal.preflight.files import look_at_path
from prober.rehearsal.preflight.ground import Ground, is_right, is_unknown, is_wrong
from prober.rehearsal.preflight.images import look_at_image
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import READ
from prober.rehearsal.preflight.wanted import HostItem

_KIND = "firmware"

#: The header of a firmware volume: 16 bytes of zeros, what kind of file system it has, its length, ``_FVH`` (UEFI PI
#: specification, volume 3, "Firmware Volume Header").
_SIGNATURE_AT, _SIGNATURE = 40, b"_FVH"
#: ``gEfiSystemNvDataFvGuid`` (EDK II, MdeModulePkg/Include/Guid/SystemNvDataGuid.h).
_VARIABLES = UUID("fff12b8d-7696-4c8b-a985-2747075b4f50").bytes_le


def look_at_flash(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """An image behind a flash chip; its variables, where they are not there yet, are made from the template."""
    name, path = item.text("node-name"), item.text("filename")
    loader, nvram = on.wanted.domain.os.loader, on.wanted.domain.os.nvram
    if "pflash1" in name and nvram is not None and on.view.walk(path).end == "missing":
        yield from _look_at_template(nvram, path, item, on)
        return
    yield from look_at_image(item, on)
    way = on.view.walk(path, READ)
    raw = item.above is None or item.above.name == "raw"
    if way.end != "there" or not raw:
        return
    if "pflash1" in name:
        yield from _look_at_variables(path, way.real, item.where("filename"), on)
    elif loader is not None:
        yield from _look_at_descriptor(path, item, on)


def _look_at_template(nvram: Nvram, path: str, item: HostItem, on: Ground) -> Iterator[HostFinding]:
    place = nvram.place("template") if nvram.given("template") else item.place
    why = f"{path} is not there yet, and is made from its template"
    if nvram.template is None:
        todo = f"cp /usr/share/OVMF/OVMF_VARS_4M.fd {path}"
        yield is_wrong(_KIND, f"there is no {path}, and no template of it is known", item.where("filename"), why, todo)
        return
    yield from look_at_path(_KIND, nvram.template, place, on, why=why)
    way = on.view.walk(nvram.template)
    if way.end == "there" and (nvram.template_format or "raw") == "raw":
        yield from _look_at_variables(nvram.template, way.real, place, on)


def _look_at_variables(path: str, real: str, place: Place, on: Ground) -> Iterator[HostFinding]:
    """That a raw file begins with a volume of variables."""
    why = "the firmware keeps its variables there: with another file the guest does not boot, or forgets them"
    with on.view.opened(real) as fd:
        if fd is None:
            yield is_unknown(_KIND, f"{path} may not be read by whoever looks", place, why)
            return
        try:
            head, length = os.pread(fd, 64, 0), os.lseek(fd, 0, os.SEEK_END)
        except OSError as error:
            yield is_unknown(_KIND, f"{path} cannot be read: {error.strerror}", place, why)
            return
    if head[_SIGNATURE_AT : _SIGNATURE_AT + 4] != _SIGNATURE or head[16:32] != _VARIABLES:
        todo = f"copy the firmware's template over it, as /usr/share/OVMF/OVMF_VARS_4M.fd: cp TEMPLATE {path}"
        yield is_wrong(_KIND, f"{path} is no file of UEFI variables", place, why, todo)
    elif length % 4096:
        todo = f"cp TEMPLATE {path}"
        yield is_wrong(_KIND, f"{path} has {length} bytes, which is not in whole blocks", place, why, todo)
    else:
        yield is_right(_KIND, f"{path} is a file of UEFI variables", place)


def _look_at_descriptor(path: str, item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """Whether a descriptor of this host names the code, and in the format that the XML says."""
    place = item.above.where("driver") if item.above is not None else item.place
    for descriptor in on.wanted.target.host.firmware:
        mapping = descriptor.mapping
        if isinstance(mapping, FlashMapping) and mapping.filename == path:
            kind = item.above.name if item.above is not None else "raw"
            if mapping.executable.format != kind:
                said = f"{descriptor.name} says that {path} is {mapping.executable.format}, and the XML says {kind}"
                yield is_wrong(
                    _KIND, said, place, "the guest does not boot", f"<loader format='{mapping.executable.format}'>"
                )
            else:
                yield is_right(_KIND, f"{descriptor.name} describes {path}", place)
            return


def look_at_storage(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """A file or block device: firmware, or a disk; what is to be put in its place first has a need."""
    if any(need.kind == "scsi" for need in item.needs):
        return
    if item.text("node-name").startswith("libvirt-pflash"):
        yield from look_at_flash(item, on)
    else:
        yield from look_at_image(item, on)

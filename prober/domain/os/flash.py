"""Firmware in flash chips: the images behind them, and the machine's two chips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from prober.commandline.deeds import CopyFile
from prober.commandline.options import Need, Option, Prepared, Property, Qapi, Value
from prober.domain.os.loader import Loader, Nvram
from prober.domain.os.model import Os
from prober.domain.shared.source import Image, ImageAccess, StorageSource
from prober.domain.shared.source.backing import chained
from prober.domain.shared.source.layers import layers
from prober.host.target import Target

_CODE, _VARIABLES = "pflash0", "pflash1"


def machine_flash(os: Os, target: Target) -> Iterator[Property]:
    """``pflash0`` and ``pflash1`` of ``-machine``."""
    loader, nvram = os.loader, os.nvram
    if loader is None or loader.type != "pflash":
        return
    yield Property("pflash0", f"libvirt-{_CODE}-format", loader.place("path"))
    if nvram is not None:
        yield Property("pflash1", _image(nvram, target).top_node, nvram.place("path"))


def emit_flash(os: Os, target: Target) -> Iterator[Option]:
    """The images behind the chips (libvirt 11.3, ``qemuBuildPflashBlockdevCommandLine``)."""
    loader, nvram = os.loader, os.nvram
    # Of a domain that is refused, there may be no more than a wish.
    if loader is None or loader.type != "pflash" or loader.path is None:
        return
    yield from _code(loader)
    if nvram is not None and not nvram.is_empty:
        yield from map(_without_backing, layers(_image(nvram, target), target))


def _image(nvram: Nvram, target: Target) -> Image:
    source = _prepared(nvram)
    image = Image(
        kind=nvram.kind,
        source=source,
        format=nvram.format or "raw",
        number=_VARIABLES,
        read_only=False,
        place=nvram.place(),
        access=ImageAccess(),
        owner=_VARIABLES,
        format_place=nvram.place("format"),
        encryption=source.encryption,
        auth=source.auth,
    )
    return chained(image, None, source.data_store, target)


def _prepared(nvram: Nvram) -> StorageSource:
    """The source, with what is to be done for it.

    A file is one that libvirt makes from the template when a domain starts for the first time.
    """
    source, path = nvram.image_source, nvram.image_source.local_path(nvram.kind)
    if path is None:
        return source
    copy = f"copy {nvram.template} there" if nvram.template is not None else "make it from the firmware's template"
    deed = None if nvram.template is None else CopyFile(path=path, source=nvram.template)
    need = Need("nvram", _VARIABLES, f"{path} holds the firmware's variables; if it does not exist yet, {copy}", deed)
    field = "dev" if nvram.kind == "block" else "file"
    return source.replace(**{field: Prepared(path, need)})


def _code(loader: Loader) -> Iterator[Option]:
    """The code always has a node for its format, and is written where it is not said to be read-only."""
    assert loader.path is not None
    storage: dict[str, Value] = {
        "driver": "file",
        "filename": loader.path,
        "node-name": f"libvirt-{_CODE}-storage",
        "auto-read-only": True,
        "discard": "unmap",
    }
    yield Qapi("-blockdev", "blockdev-add", "driver", storage, loader.place(), {"filename": loader.place("path")})
    image: dict[str, Value] = {
        "node-name": f"libvirt-{_CODE}-format",
        "read-only": bool(loader.readonly),
        "driver": loader.format or "raw",
        "file": f"libvirt-{_CODE}-storage",
    }
    places = {"driver": loader.place("format"), "read-only": loader.place("readonly")}
    yield _without_backing(Qapi("-blockdev", "blockdev-add", "driver", image, loader.place(), places))


def _without_backing(option: Option) -> Option:
    """Firmware stands on no other image, whatever its header says."""
    if isinstance(option, Qapi) and option.value.get("driver") == "qcow2":
        return replace(option, value={**option.value, "backing": None})
    return option

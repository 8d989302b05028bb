"""What a firmware descriptor says (QEMU, ``docs/interop/firmware.json``)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from prober.xml.values import AbsolutePath

#: A descriptor may say more than is asked here: tags, a description, features of a later QEMU.
_CONFIG = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

#: Any name in a descriptor; there are no longer ones.
Name: TypeAlias = Annotated[str, Field(max_length=256)]


class FlashFile(BaseModel):
    """An image for a flash chip."""

    model_config = _CONFIG

    filename: AbsolutePath
    format: Name


class FlashMapping(BaseModel):
    """Firmware in flash: ``split`` into code and variables, ``combined``, or ``stateless`` without variables."""

    model_config = _CONFIG

    device: Literal["flash"]
    mode: Literal["split", "combined", "stateless"] = "split"
    executable: FlashFile
    nvram_template: FlashFile | None = Field(default=None, alias="nvram-template")

    @property
    def filename(self) -> str:
        """The image with the code."""
        return self.executable.filename


class UefiVars(BaseModel):
    """Where the variables of firmware in memory begin: a file of QEMU's own form, for its device ``uefi-vars``."""

    model_config = _CONFIG

    template: AbsolutePath


class FileMapping(BaseModel):
    """Firmware that is loaded as a kernel, or into memory; QEMU may keep the variables of the latter."""

    model_config = _CONFIG

    device: Literal["kernel", "memory"]
    filename: AbsolutePath
    uefi_vars: UefiVars | None = Field(default=None, alias="uefi-vars")


class FirmwareTarget(BaseModel):
    """The machines that it is for; ``*`` and ``?`` in their names stand for anything."""

    model_config = _CONFIG

    architecture: Name
    machines: Annotated[tuple[Name, ...], Field(max_length=256)]

    def fits(self, architecture: str, machine: str) -> bool:
        """Whether it is for this machine."""
        return architecture == self.architecture and any(_matches(name, machine) for name in self.machines)


class Descriptor(BaseModel):
    """One firmware; ``name`` is that of its descriptor's file."""

    model_config = _CONFIG

    name: Name = ""
    interface_types: Annotated[tuple[Name, ...], Field(alias="interface-types", max_length=64)]
    mapping: FlashMapping | FileMapping
    targets: Annotated[tuple[FirmwareTarget, ...], Field(max_length=256)]
    features: Annotated[tuple[Name, ...], Field(max_length=256)]

    @property
    def is_sound(self) -> bool:
        """Whether all is there: split flash has a template of its variables."""
        mapping = self.mapping
        return not (isinstance(mapping, FlashMapping) and mapping.mode == "split" and mapping.nvram_template is None)


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern with ``*`` and ``?`` fits a name (glib, ``g_pattern_match_simple``).

    The last star that was met takes one more character where the rest does not fit: a pattern of many stars is
    compared in the time that the two lengths multiply to, as no regular expression would.
    """
    at = spot = 0
    star, behind = -1, 0
    while spot < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, behind = at, spot
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", name[spot]):
            at, spot = at + 1, spot + 1
        elif star >= 0:
            behind += 1
            at, spot = star + 1, behind
        else:
            return False
    return not pattern[at:].strip("*")

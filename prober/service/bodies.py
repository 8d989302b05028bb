"""What clients send besides XML: devices that are to be plugged in, and the lines of a migration.

Read by workers alone, as a body may take long to be understood.
"""

from __future__ import annotations

from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from prober.commandline.qmp import QmpCommand
from prober.commandline.refusal import Refusal
from prober.errors import UsageError
from prober.guest.cards.name import CardName
from prober.rehearsal.plug_models import PlugRequest
from prober.translate.plug_models import PlugTranslation

M = TypeVar("M", bound=BaseModel)


class PlugBody(BaseModel):
    """What is to be plugged in: ``devices`` (XML) into the guest of a ``domain`` (XML), of which the devices of the
    aliases ``unplug`` are taken out; or ``commands`` of QMP, sent to the machine of an ``argv``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str | None = None
    devices: tuple[str, ...] = ()
    unplug: tuple[str, ...] = ()
    argv: tuple[str, ...] | None = Field(default=None, min_length=1)
    commands: tuple[QmpCommand, ...] = ()

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.domain is None) == (self.argv is None):
            raise ValueError("it has a domain or an argv")
        if self.domain is not None and (self.commands or not (self.devices or self.unplug)):
            raise ValueError("a domain goes with devices and unplug, and an argv with commands")
        if self.argv is not None and (self.devices or self.unplug or not self.commands):
            raise ValueError("an argv goes with commands, and a domain with devices and unplug")
        return self


class PlugWork(BaseModel):
    """What a worker makes of it: what is to be rehearsed, and the translation that it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: PlugRequest
    translation: PlugTranslation | None = None


class PinnedLine(BaseModel):
    """What a worker makes of a domain that keeps its ``machine``: its line and its network cards, or why there is
    none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str
    argv: tuple[str, ...] = ()
    cards: tuple[CardName, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class TwoLines(BaseModel):
    """The line of a guest where it is, and the one where it is to go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    argv: tuple[str, ...] = Field(min_length=1)
    to_argv: tuple[str, ...] = Field(min_length=1)


def read_plug_body(body: bytes) -> PlugBody:
    """What is to be plugged in.

    :raise UsageError: where the body does not say so.
    """
    return _read(
        PlugBody, body, 'send {"domain": "<domain…", "devices": ["<disk…"]}, or {"argv": […], "commands": […]}'
    )


def read_two_lines(body: bytes) -> TwoLines:
    """Both lines of a migration.

    :raise UsageError: where the body does not have them.
    """
    return _read(TwoLines, body, 'send {"argv": ["qemu", …], "to_argv": ["qemu", …]}, or one list for both')


def _read(model: type[M], body: bytes, hint: str) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))[:200]
        raise UsageError(f"the body is not understood: {where}: {first['msg'][:200]}", hint=hint) from error

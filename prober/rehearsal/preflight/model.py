"""What a look at the host finds."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from prober.commandline.refusal import Place

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: ``ok``: as the domain needs it.  ``wrong``: it is not.  ``unknown``: it could not be told, and nothing is guessed.
Outlook: TypeAlias = Literal["ok", "wrong", "unknown"]


class HostFinding(BaseModel):
    """One thing of the host that the domain needs.

    ``what`` was found of which ``kind`` of resource, ``place`` is where the XML asks for it.  ``why`` it matters and
    the command (or else the deed) that mends it, ``todo``, are empty where all is well.
    """

    model_config = _CONFIG

    outlook: Outlook
    kind: str
    what: str
    place: Place
    why: str = ""
    todo: str = ""


class Preflight(BaseModel):
    """All that was looked at for one domain, in the order of the XML.

    ``user`` is as whom it was looked at, with the groups' numbers; ``judged_by`` is who told what this user may do: the
    *kernel*, asked as that user, or the *rights* of each file, as far as they tell it.
    """

    model_config = _CONFIG

    binary: str
    user: str
    groups: tuple[int, ...]
    judged_by: Literal["kernel", "rights"]
    findings: tuple[HostFinding, ...]

    @property
    def outlook(self) -> Outlook:
        """*wrong* where anything is, else *unknown* where anything could not be told."""
        seen = {finding.outlook for finding in self.findings}
        return "wrong" if "wrong" in seen else "unknown" if "unknown" in seen else "ok"

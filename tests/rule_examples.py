"""The domains of tests/rules: each breaks one rule and no other, and has a sound twin beside it.

``qemu`` is a recording by the names that tests/cases has for them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from prober.commandline.refusal import Note, Place, Refusal
from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.pipeline import translate
from prober.translate.plug_translate import translate_plug
from prober.translate.read import read_domain
from tests.cases.test_cases import HERE_ON, capabilities, path_of

FOLDER = Path(__file__).parent / "rules"

#: What stands around the part of a domain that an example is about.
_FRAME = """<domain type="{type}">
<name>guest</name>
<memory unit="MiB">256</memory>
<os><type>hvm</type></os>
{body}
</domain>
"""

_DEFAULT = "qemu-10.0.13"


#: How an example begins that is a document by itself.
_WHOLE = ("<domain", "<domstatus", "<network")


class RuleExample(NamedTuple):
    """One rule's: ``refused`` and ``taken`` are domains, or parts of one; ``qemu`` is the recording that judges.

    ``noted`` says that the rule refuses with ``--strict`` alone, ``type`` is the domain's, and ``guest`` is the domain
    that a device is plugged into, where the example is a device (or with ``unplug`` the alias of one); with a
    ``device`` the example is the guest.  ``monitor`` is the socket of QEMU's monitor, where the domain needs one.
    ``beside`` are the rules that no domain can break this one without.
    """

    rule: str
    refused: str
    taken: str
    qemu: str = _DEFAULT
    type: str = "qemu"
    noted: bool = False
    guest: str = ""
    device: str = ""
    unplug: bool = False
    monitor: str | None = None
    beside: Sequence[str] = ()

    def whole(self, part: str) -> bytes:
        """A part as a document."""
        text = part.strip()
        return text.encode() if text.startswith(_WHOLE) else _FRAME.format(type=self.type, body=text).encode()

    def said_of(self, part: str) -> Sequence[Refusal | Note]:
        """What stands against a part: refusals, or else notes."""
        caps, is_here = capabilities(self.qemu), HERE_ON in self.qemu
        try:
            if self.guest or self.device:
                guest = read_domain(self.whole(self.guest or part))
                devices = [] if self.unplug else [(self.device or part).strip().encode()]
                names = (part.strip(),) if self.unplug else ()
                translate_plug(guest, devices, names, caps, binary=path_of(caps))
                return ()
            domain = read_domain(self.whole(part))
            return translate(domain, caps, binary=path_of(caps), monitor=self.monitor, is_here=is_here).notes
        except UnreadableDomainError as error:
            place = Place(error.line, "/")
            return [Refusal(place=place, message=error.message, hint=error.hint, rule="xml/unreadable")]
        except RefusedError as error:
            return [one for one in error.refusals if isinstance(one, Refusal)]


@cache
def rule_examples() -> dict[str, RuleExample]:
    """All of them, by rule."""
    return {
        rule: RuleExample(rule, **about)
        for path in sorted(FOLDER.glob("*.toml"))
        for rule, about in tomllib.loads(path.read_text()).items()
    }

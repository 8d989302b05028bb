"""``<reconnect>``: whether QEMU dials again when the other end of a socket went away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from prober.commandline.refusal import Broken
from prober.xml.binding import At, Becomes, Checked
from prober.xml.values import Count, YesNo


class Reconnect(Checked):
    """Only a client reconnects; ``timeout`` is in seconds."""

    enabled: Annotated[YesNo, At("@enabled"), Becomes("`reconnect-ms`, before QEMU 9.2 `reconnect`; 0 for no")]
    timeout: Annotated[Count | None, At("@timeout"), Becomes("the value of these, if it is enabled")] = None

    def rules(self) -> Iterator[Broken]:
        """A time, and not 0, if it is on (``qemuValidateDomainChrSourceReconnectDef``)."""
        if self.enabled and not self.timeout:
            yield Broken("timeout", "<reconnect enabled='yes'> needs a timeout of at least one second")

    @property
    def seconds(self) -> int:
        """How long QEMU waits before it dials again; 0 for never."""
        return self.timeout or 0 if self.enabled else 0

"""What becomes of a guest that stops, under a monitor: what libvirt's driver does, and what it does not."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

_XML = """\
<domain type='qemu'>
  <name>ends</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <on_poweroff>{poweroff}</on_poweroff>
  <on_reboot>{reboot}</on_reboot>
  <on_crash>preserve</on_crash>
  <devices><memballoon model='none'/></devices>
</domain>"""


def _translate(poweroff: str, reboot: str) -> tuple[str, ...]:
    domain = read_domain(_XML.format(poweroff=poweroff, reboot=reboot).encode())
    capabilities = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    return translate(domain, capabilities, binary="/usr/bin/qemu", monitor="/run/monitor").argv


@pytest.mark.parametrize(
    ("poweroff", "reboot"), [("destroy", "restart"), ("restart", "restart"), ("destroy", "destroy")]
)
def test_watched(poweroff: str, reboot: str) -> None:
    """The host acts at the monitor."""
    assert "-no-shutdown" in _translate(poweroff, reboot)


@pytest.mark.parametrize(
    ("poweroff", "reboot"), [("preserve", "restart"), ("destroy", "preserve"), ("restart", "destroy")]
)
def test_not_done(poweroff: str, reboot: str) -> None:
    """libvirt 11.3, ``qemuValidateLifecycleAction``."""
    with pytest.raises(RefusedError, match="QEMU driver"):
        _translate(poweroff, reboot)

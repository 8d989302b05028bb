"""What guests of KVM get on the machine ``virt``: of a host with KVM there is no recording that comes along, so one is
made of what QEMU says of such a host."""

from __future__ import annotations

from functools import cache

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import GicVersion
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.hosts import GICV3, on_arm
from tests.recordings import FIXTURES, load_capabilities

DOMAIN = """<domain type='kvm'>
  <name>virt</name>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os><type arch='{arch}' machine='virt'>hvm</type></os>
  <features>{features}</features>
  {more}
  <devices/>
</domain>"""

BOTH = GICV3


@cache
def with_kvm(gic: tuple[GicVersion, ...] | None = BOTH) -> Capabilities:
    """As on a host of the same architecture."""
    return on_arm(load_capabilities(FIXTURES / "qemu-aarch64-7.2.22.replies.xz"), gic)


def translated(
    more: str,
    features: str = "",
    *,
    gic: tuple[GicVersion, ...] | None = BOTH,
    arch: str = "aarch64",
    is_here: bool = False,
) -> Translation:
    domain = read_domain(DOMAIN.format(arch=arch, features=features, more=more).encode())
    return translate(domain, with_kvm(gic), binary="/q", is_here=is_here)


def option(translation: Translation, flag: str) -> str | None:
    argv = translation.argv
    return argv[argv.index(flag) + 1] if flag in argv else None


PASSTHROUGH = "<cpu mode='host-passthrough'/>"


@pytest.mark.parametrize(
    ("features", "gic", "version"),
    [
        ("", BOTH, "3"),
        ("<gic/>", BOTH, "3"),
        ("<gic version='2'/>", BOTH, "2"),
        ("<gic version='host'/>", BOTH, "host"),
        ("", (GicVersion(number=2, emulated=True, kernel=True),), "2"),
        ("", None, "2"),
    ],
)
def test_the_gic_is_the_best_that_the_kernel_has(
    features: str, gic: tuple[GicVersion, ...] | None, version: str
) -> None:
    translation = translated(PASSTHROUGH, features, gic=gic)
    assert f"gic-version={version}," in str(option(translation, "-machine"))
    assert any("is not known here" in note.message for note in translation.notes) is (gic is None)


def test_a_gic_that_this_host_has_not_is_refused_here_alone() -> None:
    assert translated(PASSTHROUGH, "<gic version='2'/>")
    with pytest.raises(RefusedError, match="no GIC of version 2"):
        translated(PASSTHROUGH, "<gic version='2'/>", is_here=True)


@pytest.mark.parametrize(
    ("more", "cpu"),
    [
        (PASSTHROUGH, "host"),
        ("<cpu mode='maximum'/>", "max"),
        ("<cpu><model>cortex-a57</model></cpu>", "cortex-a57"),
        (
            "<cpu mode='host-passthrough'><feature policy='require' name='sve256'/>"
            "<feature policy='disable' name='pauth'/></cpu>",
            "host,sve256=on,pauth=off,sve=on",
        ),
        (
            f"{PASSTHROUGH}<clock><timer name='armvtimer' tickpolicy='discard'/></clock>",
            "host,kvm-no-adjvtime=on",
        ),
        (f"{PASSTHROUGH}<clock><timer name='armvtimer' tickpolicy='delay'/></clock>", "host,kvm-no-adjvtime=off"),
        ("", None),
    ],
)
def test_the_cpu(more: str, cpu: str | None) -> None:
    translation = translated(more)
    assert option(translation, "-cpu") == cpu
    assert any("no CPU is named" in note.message for note in translation.notes) is (cpu is None)


def test_a_guest_of_32_bits_is_told_so() -> None:
    assert option(translated(PASSTHROUGH, "<acpi/>", arch="armv7l"), "-cpu") == "host,aarch64=off"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("<cpu mode='host-model'/>", "tells which model"),
        ("<cpu mode='host-passthrough'><feature policy='forbid' name='sve'/></cpu>", "is not known"),
        ("<cpu><model>no-such</model></cpu>", "has no CPU model no-such"),
        ("<clock><timer name='armvtimer' tickpolicy='catchup'/></clock>", "has no tickpolicy"),
        ("<clock><timer name='kvmclock' present='yes'/></clock>", "no timer 'kvmclock'"),
    ],
)
def test_what_nobody_can_tell_or_give_is_refused(more: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        translated(more)

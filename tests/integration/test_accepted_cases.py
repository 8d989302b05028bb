"""A second authority on the cases: whatever prober accepts for a QEMU, that QEMU starts with, and in full.

Each case of ``tests/cases`` is translated for a real binary and proven by it: QEMU has to start, ignore nothing, and
have each device of the argv with the values that it was given.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from prober.commandline.refusal import Kind, Refusal
from prober.errors import RefusedError, UnreadableDomainError
from prober.proof.models import ProofVerdict
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.conftest import QemuPlace
from tests.integration.proving import prove_translation
from tests.integration.real_qemu import capabilities_of

CASES = Path(__file__).parent.parent / "cases"


#: What QEMU may say: of the age of a machine, of a CPU that TCG does not emulate in full, or that had no threads when
#: it was sold, of the netdev that a guestfwd channel is by itself, of boot ROMs that are in a package of their own.
OF_THIS_HOST = re.compile(
    "deprecated|TCG doesn't support|doesn't support hyperthreading|configure -smp options properly|has no peer"
    "|Could not open option rom|Image format was not specified"
)

#: Cases that only KVM starts, by what this QEMU says of them under TCG (``hw/i386/x86.c``, ``x86_cpu_pre_plug``: the
#: CPUs' numbers for Hyper-V are the kernel's to set).  QEMU 10.0 says nothing of it.
NEEDS_KVM = {"hyperv-every": "kernel doesn.t allow setting HyperV VP_INDEX"}


#: What a QEMU under TCG has not though it was asked for: features of KVM's guests, and of a CPU.
OF_TCG = re.compile(r"'(on|off)' was asked for, and the running QEMU has (True|False)|the running QEMU has 256")


def is_unknown(refusal: Refusal) -> bool:
    """Whether a refusal is for want of an answer, as this QEMU died when it was asked."""
    return refusal.evidence is not None and "asking killed QEMU" in refusal.evidence.note


@pytest.mark.parametrize("path", sorted(CASES.glob("*.xml")), ids=lambda path: path.stem)
def test_what_is_accepted_starts(path: Path, any_qemu: QemuPlace) -> None:
    caps = capabilities_of(any_qemu)
    try:
        domain = read_domain(path.read_bytes())
        accepted = translate(domain, caps, binary=any_qemu.binary)
    except (RefusedError, UnreadableDomainError) as error:
        # Where module packages are missing, a QEMU may die when it is asked, and then it is unknown what it has.
        if isinstance(error, RefusedError) and all(is_unknown(refusal) for refusal in error.refusals):
            return
        assert not (CASES / f"{path.stem}.qemu-{caps.version}.argv").exists(), "refused here, accepted as a case"
        return
    # Guests do not run under KVM everywhere, and what asks for it by name is refused without.
    with suppress(RefusedError):
        accepted = translate(domain.replace(type="qemu"), caps, binary=any_qemu.binary)
    proof = prove_translation(any_qemu, accepted)
    words = NEEDS_KVM.get(path.stem)
    if words is not None and caps.version.major < 9:
        assert re.search(words, proof.said), proof
        return
    assert proof.verdict in (ProofVerdict.proven, ProofVerdict.in_part), (proof.said, proof.reason)
    assert proof.unread == ()
    odd = [one for one in proof.findings if one.kind in (Kind.error, Kind.ignored) and not OF_TCG.search(one.message)]
    assert odd == []
    assert [text for text in proof.warnings if not OF_THIS_HOST.search(text)] == []


def test_qemu_sees_a_proc(any_qemu: QemuPlace) -> None:
    """What starts now and then without (``tests/proc_mount.py``) starts every time."""
    assert ((any_qemu.root or Path("/")) / "proc/self/fd").is_dir()

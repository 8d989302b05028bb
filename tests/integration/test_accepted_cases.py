"""A second authority on the cases: whatever prober accepts for a QEMU, that QEMU starts with, and in full.

Each case of ``tests/cases`` is translated for a real binary, with files that exist in the place of those that
it names (under the same, sometimes hostile, names).  QEMU then has to start, warn of nothing that it would
not use, and have a device for each id of the argv.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from prober.commandline.refusal import Refusal
from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.conftest import QemuPlace, aio
from tests.integration.adapting import Adapted, adapt_argv
from tests.integration.real_qemu import EndedEarlyError, capabilities_of, shared_directory, start_qemu

CASES = Path(__file__).parent.parent / "cases"


#: What QEMU may say: of the age of a machine, of a CPU that TCG does not emulate in full, or that had no threads when
#: it was sold, of the netdev that a guestfwd channel is by itself, of boot ROMs that are in a package of their own.
OF_THIS_HOST = re.compile(
    "deprecated|TCG doesn't support|doesn't support hyperthreading|configure -smp options properly|has no peer"
    "|Could not open option rom"
)

#: Cases that only KVM starts, by what this QEMU says of them under TCG (``hw/i386/x86.c``, ``x86_cpu_pre_plug``: the
#: CPUs' numbers for Hyper-V are the kernel's to set).  QEMU 10.0 says nothing of it.
NEEDS_KVM = {"hyperv-every": "kernel doesn.t allow setting HyperV VP_INDEX"}


#: What keeps a QEMU from starting though nothing is wrong with its command line: a module's package that is not here,
#: or how much memory we may lock.
NOT_HERE = re.compile("Perhaps you want to install|'dbus' is not a valid char driver|locking memory failed")


def is_unknown(refusal: Refusal) -> bool:
    """Whether a refusal is for want of an answer, as this QEMU died when it was asked."""
    return refusal.evidence is not None and "asking killed QEMU" in refusal.evidence.note


def ids_in(argv: tuple[str, ...]) -> set[str]:
    """The ids of the devices; some have none."""
    found = set()
    for flag, value in pairwise(argv):
        if flag == "-device":
            match = re.search(r"(?:^|,)id=([^,]*)", value)
            found.add(json.loads(value).get("id", "") if value.startswith("{") else match.group(1) if match else "")
    return found - {""}


def is_under_kvm(argv: tuple[str, ...]) -> bool:
    """Whether the guest would run under KVM, with whatever settings of it."""
    return any(value.partition(",")[0] == "kvm" for flag, value in pairwise(argv) if flag == "-accel")


async def start(place: QemuPlace, adapted: Adapted) -> None:
    async with start_qemu(place, adapted.argv) as qemu:
        children = {entry["name"] for entry in await qemu.execute("qom-list", path="/machine/peripheral")}
        assert ids_in(adapted.argv) <= children
        ended = await qemu.quit()
    assert ended.status == 0, ended.stderr
    assert "not used" not in ended.stderr
    assert [line for line in ended.stderr.splitlines() if not OF_THIS_HOST.search(line)] == []


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
    if is_under_kvm(accepted.argv):
        return
    with shared_directory(any_qemu) as (ours, theirs):
        words = NEEDS_KVM.get(path.stem)
        if words is not None and caps.version.major < 9:
            with pytest.raises(EndedEarlyError, match=words):
                aio(start(any_qemu, adapt_argv(accepted.argv, ours, theirs)), debug=False)
            return
        try:
            aio(start(any_qemu, adapt_argv(accepted.argv, ours, theirs)), debug=False)
        except EndedEarlyError as error:
            assert NOT_HERE.search(error.ended.stderr), error


def test_qemu_sees_a_proc(any_qemu: QemuPlace) -> None:
    """What starts now and then without (``tests/proc_mount.py``) starts every time."""
    assert ((any_qemu.root or Path("/")) / "proc/self/fd").is_dir()

"""What a real QEMU lacks of CPU models: what it said of itself, against what it does with ``enforce``.

Under TCG on any host, as that lacks much too; and under KVM where there is KVM.
"""

from __future__ import annotations

import pytest

from prober.capabilities.evidence import Verdict
from prober.guest.cpu.demand import demand_of
from prober.guest.cpu.lacking import Lack, lacking
from prober.guest.cpu.names import to_qemu
from prober.guest.cpu.offer import CpuOffer, offer_of
from prober.translate.read import read_domain
from tests.conftest import QemuPlace, aio
from tests.hosts import gaps_of
from tests.integration.real_qemu import Ended, capabilities_of, try_qemu

pytestmark = pytest.mark.slow

DOMAIN = """<domain type='kvm'><name>c</name><memory>262144</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <cpu check='full'><model>{model}</model>{features}</cpu></domain>"""

#: Of each something: what TCG and old hosts have, what they have not, and with what is missing switched off.
MODELS = ("Conroe", "Westmere", "Haswell-noTSX", "Skylake-Client-IBRS", "EPYC", "EPYC-Rome", "Opteron_G5", "kvm64")
FEATURES = ("aes", "avx2", "hle", "avx512f", "x2apic", "sha-ni", "svm", "umip")


def _start(place: QemuPlace, accel: str, cpu: str) -> Ended:
    words = ("-machine", "q35", "-accel", accel, "-nodefaults", "-display", "none", "-cpu", f"{cpu},enforce=on")
    return aio(try_qemu(place, (place.binary, *words)), debug=False)


def _lack(model: str, features: str, offer: CpuOffer) -> Lack:
    demand = demand_of(read_domain(DOMAIN.format(model=model, features=features).encode()))
    assert demand is not None
    return lacking(demand, offer)


def _is_refused(ended: Ended) -> bool:
    """By its word, and for no other reason."""
    assert (ended.status == 0) != ("support requested features" in ended.stderr), ended.stderr
    return ended.status != 0


def test_a_model_starts_where_nothing_of_it_is_lacking(any_qemu: QemuPlace) -> None:
    for accel, accelerator in capabilities_of(any_qemu).accelerators.items():
        offer = offer_of(accelerator)
        for model in MODELS:
            if model not in offer.unavailable:
                continue
            lack = _lack(model, "", offer)
            assert _is_refused(_start(any_qemu, accel, model)) == (lack.verdict is Verdict.absent), (accel, model)
            if gaps_of(lack) and accel == "kvm":
                off = "".join(f"<feature policy='disable' name='{gap.name}'/>" for gap in gaps_of(lack))
                assert _lack(model, off, offer).verdict is Verdict.present
                words = ",".join(f"{to_qemu(gap.name)}=off" for gap in gaps_of(lack))
                assert not _is_refused(_start(any_qemu, accel, f"{model},{words}")), (accel, model, words)
        assert offer.unavailable


def test_a_feature_can_be_had_where_it_is_said_to_be(any_qemu: QemuPlace) -> None:
    for accel, accelerator in capabilities_of(any_qemu).accelerators.items():
        offer = offer_of(accelerator)
        assert offer.present and offer.absent
        for name in FEATURES:
            assert (name in offer.present) != (name in offer.absent), (accel, name)
            ended = _start(any_qemu, accel, f"pentium3,level=0xd,xlevel=0x80000008,{to_qemu(name)}=on")
            is_refused = f".{to_qemu(name)} " in ended.stderr and _is_refused(ended)
            assert is_refused == (name in offer.absent), (accel, name, ended)

"""What is worked out of CPUs: the nearest model, the host's own, names, and where a CPU is plugged in."""

from __future__ import annotations

import pytest

from prober.commandline.options import DeviceOption
from prober.errors import RefusedError
from prober.guest.cpu.map import Processor, cpu_map
from prober.guest.cpu.names import from_qemu, to_qemu
from prober.guest.vcpu import emit_plugged
from prober.host.host import Host, HostCpu
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.target import find_target
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, LIBVIRT, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")

DOMAIN = """<domain type='{type}'>
  <name>c</name>
  <memory unit='MiB'>256</memory>
  <vcpu>{vcpu}</vcpu>
  {cpu}
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices><controller type='usb' model='none'/><memballoon model='none'/></devices>
</domain>"""


def translated(cpu: str, *, kind: str = "qemu", host: Host | None = None) -> Translation:
    xml = DOMAIN.format(type=kind, vcpu=1, cpu=cpu)
    return translate(read_domain(xml.encode()), CAPS, binary="/q", host=host)


def cpu_in(translation: Translation) -> str:
    return translation.argv[translation.argv.index("-cpu") + 1]


def processor_of(name: str) -> Processor:
    known = cpu_map()
    model = known.models[name]
    first = model.signatures[0] if model.signatures else None
    stepping = first.steppings[0] if first is not None and first.steppings else 0
    signature = (first.family, first.model, stepping) if first is not None else (0, 0, 0)
    return Processor(model.bits, known.vendors.get(model.vendor or ""), signature)


@pytest.mark.parametrize(
    "name", ["Nehalem", "SandyBridge-IBRS", "Skylake-Client-IBRS", "EPYC", "EPYC-Rome", "Opteron_G5"]
)
def test_a_model_is_nearest_to_itself(name: str) -> None:
    known = cpu_map()
    decoded = known.decode(processor_of(name), dict.fromkeys(known.models, ()))
    assert decoded is not None
    assert decoded[0] == name
    assert {feature for feature, on in decoded[1] if on} == set()
    assert {feature for feature, _ in decoded[1]} == set(known.models[name].removed)


def test_what_keeps_a_model_from_running_is_switched_off() -> None:
    known = cpu_map()
    processor = processor_of("Nehalem")
    decoded = known.decode(processor, {"Nehalem": ("sse4.2", "no-such-feature")})
    assert decoded is not None
    assert ("sse4.2", False) in decoded[1]


def test_another_vendor_is_never_nearest() -> None:
    known = cpu_map()
    assert known.decode(processor_of("EPYC"), {"Nehalem": ()}) is None


def test_broken_tsx_is_left_out() -> None:
    known = cpu_map()
    processor = processor_of("Haswell")
    assert processor.signature[:2] == (6, 60)
    decoded = known.decode(processor, {"Haswell": ()})
    assert decoded is not None
    assert {("hle", False), ("rtm", False)} <= set(decoded[1])


def test_an_ancestor_passes_on_what_it_has_not_lost() -> None:
    models = cpu_map().models
    assert models["Haswell-v2"].bits == models["Haswell-noTSX"].bits & ~cpu_map().bits_of(
        models["Haswell-noTSX"].removed
    )
    assert models["Haswell-v2"].vendor == "Intel"


@pytest.mark.parametrize(("name", "qemu"), [("pclmuldq", "pclmulqdq"), ("ds_cpl", "ds-cpl"), ("avx", "avx")])
def test_names_go_both_ways(name: str, qemu: str) -> None:
    assert to_qemu(name) == qemu
    assert from_qemu(qemu) == name


def test_the_host_says_what_its_cpu_is() -> None:
    host = Host(cpu=HostCpu(model="Nehalem", require=("aes",), disable=("nx",)))
    argv = cpu_in(translated("<cpu mode='host-model'><feature name='aes' policy='disable'/></cpu>", host=host))
    assert argv == "Nehalem,aes=off,nx=off"


def test_an_optional_feature_is_what_the_host_has() -> None:
    host = Host(cpu=HostCpu(model="Nehalem", require=("aes",)))
    cpu = "<cpu><model>qemu64</model>{}</cpu>".format(
        "".join(f"<feature name='{name}' policy='optional'/>" for name in ("aes", "sse4.2", "avx"))
    )
    assert cpu_in(translated(cpu, host=host)) == "qemu64,aes=on,sse4.2=on,avx=off"


def test_what_the_host_has_can_be_forbidden() -> None:
    host = Host(cpu=HostCpu(model="Nehalem"))
    cpu = "<cpu><model>core2duo</model><feature name='sse4.2' policy='forbid'/></cpu>"
    with pytest.raises(RefusedError, match=r"the host's CPU has sse4\.2"):
        translated(cpu, kind="kvm", host=host)
    assert (
        cpu_in(translated(cpu.replace("<cpu>", "<cpu check='none'>"), kind="kvm", host=host)) == "core2duo,sse4.2=off"
    )


def test_a_host_with_a_cpu_that_nobody_knows() -> None:
    with pytest.raises(RefusedError, match="which no CPU model is called"):
        translated("<cpu mode='host-model'/>", host=Host(cpu=HostCpu(model="Abacus")))


def test_a_cpu_is_plugged_in_where_its_number_says() -> None:
    states = "".join(f"<vcpu id='{number}' enabled='yes' hotpluggable='yes'/>" for number in range(1, 24))
    topology = "<topology sockets='2' dies='2' cores='3' threads='2'/>"
    cpu = f"<vcpus><vcpu id='0' enabled='yes'/>{states}</vcpus><cpu>{topology}</cpu>"
    domain = read_domain(
        DOMAIN.format(type="qemu", vcpu=24, cpu=cpu).replace("<cpu>", "<cpu><model>qemu64</model>").encode()
    )
    plugged = list(emit_plugged(domain, find_target(domain, CAPS, None, Host())))
    assert len(plugged) == 23
    last = plugged[-1]
    assert isinstance(last, DeviceOption)
    assert last.driver == "qemu64-x86_64-cpu"
    values = {item.name: item.value for item in last.properties}
    assert values == {"id": "vcpu23", "socket-id": 1, "die-id": 1, "core-id": 2, "thread-id": 1}


@pytest.mark.libvirt
@pytest.mark.parametrize("version", ["2.9.0", "3.1.0", "4.0.0", "4.2.0"])
def test_older_qemus_tell_the_host_s_cpu_too(version: str) -> None:
    caps = load_capabilities(LIBVIRT / "replies" / f"qemu-{version}.replies.xz")
    xml = DOMAIN.format(type="kvm", vcpu=1, cpu="<cpu mode='host-model'/>")
    done = translate(read_domain(xml.encode()), caps, binary="/q", assume_unknown_present=True)
    assert cpu_in(done).partition(",")[0] in cpu_map().models

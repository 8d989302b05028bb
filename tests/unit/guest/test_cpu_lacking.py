"""What a domain asks of the host's CPU, held against what hosts offer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Accelerator, CpuExpansion
from prober.guest.cpu.demand import CpuDemand, demand_of
from prober.guest.cpu.lacking import lacking
from prober.guest.cpu.map import cpu_map
from prober.guest.cpu.names import IGNORED, to_qemu
from prober.guest.cpu.offer import NOT_BY_ITSELF, CpuOffer, make_offer, offer_of
from prober.translate.read import read_domain
from tests.cost import processor_time
from tests.hosts import Gap, expansions, features_of, gaps_of, on_host
from tests.recordings import FIXTURES, LIBVIRT, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
DOMAIN = """<domain type='{type}'><name>c</name><memory>262144</memory>
  <os><type arch='{arch}' machine='{machine}'>hvm</type></os>{cpu}</domain>"""

#: Those that hosts are made of here: what ``host`` shows by itself, and libvirt does not leave out.
FEATURES = sorted(cpu_map().features.keys() - NOT_BY_ITSELF - cpu_map().unmigratable - IGNORED)
MODELS = ["Conroe", "Westmere", "Haswell", "Haswell-noTSX", "Skylake-Client-IBRS", "EPYC-Rome", "Opteron_G3", "qemu64"]


def demanded(cpu: str, *, type: str = "kvm", arch: str = "x86_64", machine: str = "q35") -> CpuDemand:
    demand = demand_of(read_domain(DOMAIN.format(type=type, arch=arch, machine=machine, cpu=cpu).encode()))
    assert demand is not None
    return demand


def offered(model: str, *without: str) -> CpuOffer:
    return offer_of(on_host(CAPS, model, without).accelerators["kvm"])


def found(cpu: str, offer: CpuOffer) -> tuple[Verdict, list[tuple[str, str, Verdict, bool]]]:
    lack = lacking(demanded(cpu), offer)
    return lack.verdict, [(gap.name, gap.by, gap.verdict, gap.stands) for gap in gaps_of(lack)]


@pytest.mark.parametrize(
    ("cpu", "type"),
    [
        ("", "kvm"),
        ("<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", "kvm"),
        ("<cpu><model/></cpu>", "kvm"),
        ("<cpu><model>Haswell</model></cpu>", "qemu"),
    ],
)
def test_who_names_no_model_or_is_not_for_kvm_asks_nothing(cpu: str, type: str) -> None:
    text = DOMAIN.format(type=type, arch="x86_64", machine="q35", cpu=cpu)
    assert demand_of(read_domain(text.encode())) is None


@pytest.mark.parametrize(
    ("cpu", "check"),
    [
        ("<cpu><model>Haswell</model></cpu>", "partial"),
        ("<cpu mode='host-model'/>", "partial"),
        ("<cpu mode='host-passthrough'/>", "none"),
        ("<cpu mode='maximum'/>", "none"),
        ("<cpu mode='host-passthrough' check='full'/>", "full"),
        ("<cpu check='none'><model>Haswell</model></cpu>", "none"),
    ],
)
def test_what_is_checked_without_being_told(cpu: str, check: str) -> None:
    assert demanded(cpu).check == check


def test_what_libvirt_leaves_out_is_not_asked_for() -> None:
    assert demanded("<cpu mode='host-model'><feature name='cmt'/></cpu>").required == frozenset()


def test_a_demand_is_a_value() -> None:
    cpu = "<cpu mode='host-passthrough' migratable='off'><feature name='aes'/></cpu>"
    assert demanded(cpu) == demanded(cpu)
    assert len({demanded(cpu), demanded(cpu)}) == 1
    assert demanded(cpu).migratable is False


def test_a_host_of_the_model_lacks_nothing() -> None:
    for model in MODELS:
        lack = lacking(demanded(f"<cpu check='full'><model>{model}</model></cpu>"), offered(model))
        assert (lack.verdict, gaps_of(lack), lack.models) == (Verdict.present, (), ())


def test_the_model_and_what_would_do() -> None:
    lack = lacking(demanded("<cpu><model>Haswell</model></cpu>"), offered("Haswell-noTSX"))
    assert lack.verdict is Verdict.absent
    assert gaps_of(lack) == tuple(
        Gap(name, "model", Verdict.absent, "query-cpu-definitions", True) for name in ("hle", "rtm")
    )
    assert lack.models == ("Haswell-noTSX", "SandyBridge", "Westmere")


def test_no_model_is_named_of_another_vendor() -> None:
    lack = lacking(demanded("<cpu><model>EPYC-Rome</model></cpu>"), offered("Haswell"))
    assert lack.models
    vendors = {cpu_map().models[name].vendor for name in lack.models}
    assert vendors <= {None, "AMD"}


@pytest.mark.parametrize("policy", ["optional", "disable", "forbid"])
def test_what_need_not_be_there_is_not_lacking(policy: str) -> None:
    features = "".join(f"<feature policy='{policy}' name='{name}'/>" for name in ("hle", "rtm"))
    assert found(f"<cpu><model>Haswell</model>{features}</cpu>", offered("Haswell-noTSX")) == (Verdict.present, [])


@pytest.mark.parametrize(("check", "stands"), [("none", False), ("partial", True), ("full", True)])
def test_a_required_feature(check: str, stands: bool) -> None:
    cpu = f"<cpu check='{check}'><model>Haswell-noTSX</model><feature name='avx512f'/></cpu>"
    verdict = Verdict.absent if stands else Verdict.present
    assert found(cpu, offered("Haswell-noTSX")) == (verdict, [("avx512f", "require", Verdict.absent, stands)])
    assert lacking(demanded(cpu), offered("Haswell-noTSX")).models == ()
    assert found(cpu.replace("Haswell-noTSX", "Westmere"), offered("Skylake-Server")) == (Verdict.present, [])


@pytest.mark.parametrize(("check", "stands"), [("none", False), ("partial", False), ("full", True)])
def test_a_forced_feature(check: str, stands: bool) -> None:
    features = "<feature policy='force' name='hle'/><feature policy='disable' name='rtm'/>"
    cpu = f"<cpu check='{check}'><model>Haswell</model>{features}</cpu>"
    verdict = Verdict.absent if stands else Verdict.present
    assert found(cpu, offered("Haswell-noTSX")) == (verdict, [("hle", "force", Verdict.absent, stands)])


@pytest.mark.parametrize(("check", "stands"), [("none", False), ("partial", False), ("full", True)])
def test_what_libvirt_does_not_know_of_a_model_is_left_to_qemu_unless_all_is_checked(check: str, stands: bool) -> None:
    offer = make_offer({"Westmere": ("ss",)}, expansions(features_of("Westmere"), "Westmere"))
    verdict = Verdict.absent if stands else Verdict.present
    cpu = f"<cpu check='{check}'><model>Westmere</model></cpu>"
    assert found(cpu, offer) == (verdict, [("ss", "model", Verdict.absent, stands)])


def test_a_forbidden_feature_that_is_there() -> None:
    cpu = "<cpu><model>Westmere</model><feature policy='forbid' name='avx2'/></cpu>"
    assert found(cpu, offered("Haswell")) == (Verdict.absent, [("avx2", "forbid", Verdict.present, True)])
    assert found(cpu, offered("Westmere")) == (Verdict.present, [])


def test_the_vendor() -> None:
    cpu = "<cpu><model>Westmere</model><vendor>{}</vendor></cpu>"
    assert found(cpu.format("Intel"), offered("Haswell")) == (Verdict.present, [])
    assert found(cpu.format("AMD"), offered("Haswell")) == (Verdict.absent, [("AMD", "vendor", Verdict.absent, True)])
    unknown = make_offer({"Westmere": ()}, ())
    assert found(cpu.format("AMD"), unknown) == (Verdict.unknown, [("AMD", "vendor", Verdict.unknown, True)])


def test_a_strict_match_allows_nothing_that_is_not_spoken_of() -> None:
    cpu = "<cpu match='strict'><model>Westmere</model>{}</cpu>"
    verdict, gaps = found(cpu.format(""), offered("SandyBridge"))
    more = features_of("SandyBridge") - features_of("Westmere")
    assert verdict is Verdict.absent
    assert {(gap[0], gap[1], gap[2]) for gap in gaps} == {(name, "strict", Verdict.present) for name in more}
    spoken = "".join(f"<feature policy='disable' name='{name}'/>" for name in more)
    assert found(cpu.format(spoken), offered("SandyBridge")) == (Verdict.present, [])


def test_what_nobody_told_is_unknown() -> None:
    nothing = offer_of(Accelerator())
    assert found("<cpu><model>Westmere</model></cpu>", nothing)[0] is Verdict.unknown
    assert found("<cpu mode='host-model'/>", nothing) == (Verdict.present, [])
    required = "<cpu mode='host-model'><feature name='aes'/></cpu>"
    assert found(required, nothing) == (Verdict.unknown, [("aes", "require", Verdict.unknown, True)])
    assert found("<cpu match='strict'><model>nonsense</model></cpu>", nothing)[0] is Verdict.unknown


def test_a_model_that_qemu_does_not_tell_of_is_worked_out_of_the_map() -> None:
    offer = make_offer({}, expansions(features_of("Haswell-noTSX"), "Haswell-noTSX"))
    lack = lacking(demanded("<cpu><model>Haswell</model></cpu>"), offer)
    assert [(gap.name, gap.said) for gap in gaps_of(lack)] == [
        ("hle", "query-cpu-model-expansion"),
        ("rtm", "query-cpu-model-expansion"),
    ]


def test_what_host_does_not_show_by_itself_is_unknown_unless_a_model_tells() -> None:
    props = {to_qemu(name): False for name in ("topoext", "invtsc", "aes")}
    whole = CpuExpansion(type="static", model="host", asked_props={"migratable": False}, props=props)
    part = CpuExpansion(type="static", model="host", props=props)
    cpu = "<cpu mode='host-model'><feature name='{}'/></cpu>"
    for expansion, name, verdict in (
        (whole, "topoext", Verdict.unknown),
        (whole, "invtsc", Verdict.absent),
        (whole, "aes", Verdict.absent),
        (part, "invtsc", Verdict.unknown),
        (part, "aes", Verdict.absent),
    ):
        assert found(cpu.format(name), make_offer({}, (expansion,)))[0] is verdict, (expansion.asked_props, name)
    assert found(cpu.format("topoext"), make_offer({"EPYC": ("topoext",)}, (whole,)))[0] is Verdict.absent


def test_what_a_model_has_and_does_not_lack_is_there() -> None:
    """Though ``host`` does not show it by itself."""
    props = {"arch-capabilities": False}
    host = CpuExpansion(type="static", model="host", asked_props={"migratable": False}, props=props)
    cpu = "<cpu><model>{}</model><feature name='arch-capabilities'/></cpu>"
    assert "arch-capabilities" in features_of("Snowridge")
    assert found(cpu.format("Snowridge"), make_offer({"Snowridge": ()}, (host,))) == (Verdict.present, [])
    assert found(cpu.format("Westmere"), make_offer({"Westmere": ()}, (host,)))[0] is Verdict.unknown


def test_features_without_a_name_count_for_nothing() -> None:
    """QEMU 3.1 has them."""
    assert make_offer({"Westmere": ("", "aes")}, ()).listed == {"aes"}


def test_models_of_other_architectures_go_by_qemus_word_alone() -> None:
    demand = demanded("<cpu><model>cortex-a57</model></cpu>", arch="aarch64", machine="virt")
    assert demand.of_model is None
    assert lacking(demand, make_offer({"cortex-a57": ()}, ())).verdict is Verdict.present
    assert lacking(demand, make_offer({}, ())).verdict is Verdict.unknown


@st.composite
def hosts(draw: st.DrawFn) -> frozenset[str]:
    """A host's features: those of a model, with some taken away or added."""
    base = features_of(draw(st.sampled_from(MODELS)))
    return frozenset(base ^ draw(st.sets(st.sampled_from(FEATURES), max_size=6)))


@given(
    features=hosts(),
    model=st.sampled_from(MODELS),
    policies=st.dictionaries(
        st.sampled_from(FEATURES), st.sampled_from(["force", "require", "optional", "disable", "forbid"]), max_size=5
    ),
    check=st.sampled_from(["none", "partial", "full"]),
)
def test_only_what_is_not_there_is_lacking(
    features: frozenset[str], model: str, policies: dict[str, str], check: str
) -> None:
    unavailable = {name: tuple(map(to_qemu, sorted(features_of(name) - features))) for name in MODELS}
    offer = make_offer(unavailable, expansions(features, model))
    said = "".join(f"<feature policy='{policy}' name='{name}'/>" for name, policy in policies.items())
    demand = demanded(f"<cpu check='{check}'><model>{model}</model>{said}</cpu>")
    lack = lacking(demand, offer)
    here = {name: [one for one, policy in policies.items() if policy == name] for name in set(policies.values())}
    for gap in gaps_of(lack):
        assert (gap.verdict is Verdict.present) == (gap.by == "forbid")
        assert (gap.name in features) == (gap.by == "forbid"), gap
        assert policies.get(gap.name, "model") == gap.by
    spared = {*here.get("optional", ()), *here.get("disable", ()), *here.get("forbid", ())}
    of_model = {name for name in features_of(model) if check == "full" or not name.startswith("vmx-")}
    wanted = (of_model - spared - {*here.get("force", ())}) | {*here.get("require", ())}
    if check == "full":
        wanted |= {*here.get("force", ())}
    suits = wanted <= features and not features & {*here.get("forbid", ())}
    assert (lack.verdict is Verdict.present) == (check == "none" or suits)
    for name in lack.models:
        assert features_of(name) - spared <= features
        assert features_of(name) < features_of(model)


@pytest.mark.parametrize("path", sorted((LIBVIRT / "replies").glob("*.replies.xz")), ids=lambda path: path.name)
def test_recorded_hosts_run_what_they_say_that_they_run(path: Path) -> None:
    for accelerator in load_capabilities(path).accelerators.values():
        offer = offer_of(accelerator)
        assert not offer.present & offer.absent
        for name, model in (accelerator.cpu_models or {}).items():
            lack = lacking(demanded(f"<cpu check='full'><model>{name}</model></cpu>"), offer)
            if model.unavailable_features is None:
                assert lack.verdict is not Verdict.absent or offer.absent
            else:
                removed = cpu_map().models[name].removed if name in cpu_map().models else ()
                lacks = {to_qemu(gap.name) for gap in gaps_of(lack)}
                assert lacks == {*model.unavailable_features} - {*map(to_qemu, removed), ""}


def test_holding_a_demand_against_a_host_takes_microseconds() -> None:
    demands = [
        demanded(f"<cpu check='full'><model>{model}</model><feature name='avx512f'/><vendor>AMD</vendor></cpu>")
        for model in ("SapphireRapids", "EPYC-Milan", "Haswell")
    ]
    offers = [offered(model) for model in ("Westmere", "Haswell-noTSX")]
    rounds = 300
    with processor_time() as cost:
        for _ in range(rounds):
            for demand in demands:
                for offer in offers:
                    assert lacking(demand, offer).verdict is Verdict.absent
    # 10 us on an idle machine.
    assert cost.seconds / (rounds * 6) < 200e-6

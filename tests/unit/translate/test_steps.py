"""The contract of a step (:mod:`prober.domain.steps`), held against every one that there is."""

from __future__ import annotations

from operator import attrgetter
from types import GeneratorType

import pytest

from prober.capabilities import Capabilities
from prober.commandline.refusal import Place, Refusal
from prober.devices.rows import ROWS
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.steps import NOTHING, Check, Step, reading
from prober.errors import RefusedError
from prober.host.host import Host
from prober.host.target import Target
from prober.translate.order import EMISSIONS
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.steps import STEPS
from prober.translate.target import find_target
from tests.recordings import FIXTURES, load_capabilities

#: What completes a domain, and what only looks at it.
COMPLETING = {"settle", "complete", "add", "number", "place", "assign"}
CHECKING = {"check"}

DOMAIN = b"""<domain type='qemu'>
  <name>one</name>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/></disk>
    <channel type='pty'><target type='virtio' name='one'/></channel>
    <memory model='dimm'><target><size unit='MiB'>64</size><node>0</node></target></memory>
  </devices>
</domain>"""


@pytest.fixture(scope="module")
def caps() -> Capabilities:
    return load_capabilities(next(FIXTURES.glob("qemu-7.2*.replies.xz")))


@pytest.fixture(scope="module")
def domain() -> Domain:
    return read_domain(DOMAIN)


@pytest.fixture(scope="module")
def target(caps: Capabilities, domain: Domain) -> Target:
    return find_target(domain, caps, None, Host())


def run(step: Step, domain: Domain, target: Target) -> tuple[list[Refusal], Domain | None]:
    """What a step refuses, and what it gives back."""
    outcome = step.run(domain, target)
    assert isinstance(outcome, GeneratorType), step.name
    refusals = []
    while True:
        try:
            refusals.append(next(outcome))
        except StopIteration as end:
            return refusals, end.value


def test_each_step_has_a_name_of_its_own() -> None:
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_name_of_a_step_begins_with_a_verb_that_says_what_it_does(step: Step) -> None:
    assert step.name.partition("-")[0] in COMPLETING | CHECKING
    assert step.rule == f"domain/{step.name}"


def test_a_step_yields_refusals_and_gives_a_domain_back_if_it_completes(domain: Domain, target: Target) -> None:
    domain = domain.with_devices(domain.devices.every)
    for step in STEPS:
        refusals, given = run(step, domain, target)
        assert all(isinstance(refusal, Refusal) for refusal in refusals), step.name
        assert isinstance(given, Domain) == (step.name.partition("-")[0] in COMPLETING), step.name
        domain = given or domain


def test_a_refusal_is_known_by_the_step_that_it_comes_from(caps: Capabilities) -> None:
    lacking = DOMAIN.replace(b"<acpi/>", b"<hyperv><synic state='on'/></hyperv>").replace(b"'qemu'", b"'kvm'")
    with pytest.raises(RefusedError) as caught:
        translate(read_domain(lacking), caps, binary="/q")
    rules = {refusal.rule for refusal in caught.value.refusals}
    assert {"domain/check-hyperv", "domain/complete-memory", "domain/place-modules"} <= rules
    assert "" not in rules


def test_a_lambda_is_no_step() -> None:
    def check_nothing(domain: Domain, target: Target) -> Check:
        return iter(())

    def check_it(name: str | None, target: Target) -> Check:
        yield Refusal(place=Place(1, "/domain/name"), message=f"{name} is on {target.machine}")

    assert Step(1, check_nothing).name == "check-nothing"
    assert Step(1, reading(check_it, lambda domain, target: (domain.name, target))).rule == "domain/check-it"
    with pytest.raises(ValueError, match="at turn 1 is a lambda, which has no name"):
        Step(1, lambda domain, target: check_nothing(domain, target))
    with pytest.raises(ValueError, match="at turn 1 is a lambda, which has no name"):
        Step(1, reading(lambda domain: iter(()), lambda domain, _: (domain,)))


def test_what_is_about_something_has_nothing_to_do_in_a_domain_without(caps: Capabilities) -> None:
    domain = read_domain(DOMAIN)
    target = find_target(domain, caps, None, Host())
    for step in STEPS:
        refusals, given = run(step, domain, target)
        if (step.needed is not None and step.needed(domain) in NOTHING) or _lacks(domain, step.about):
            assert (refusals, given or domain) == ([], domain), step.name
        domain = given or domain
    left_out = 0
    for emission in (*EMISSIONS, *(emission for row in ROWS for emission in row.emissions)):
        is_there = not emission.field or attrgetter(emission.field)(domain) not in NOTHING
        if not is_there or _lacks(domain, emission.about):
            assert list(emission.emit(domain, target)) == [], emission.turn
            left_out += 1
    assert left_out > 10


def _lacks(domain: Domain, about: tuple[type[Device], ...]) -> bool:
    return bool(about) and not any(isinstance(device, about) for device in domain.devices.every)

"""What a step is: the one form of all that is done to a whole domain between its XML and its options.

A step is a generator.  It yields a :class:`~prober.commandline.refusal.Refusal` for everything that stands against the
domain, and a :class:`~prober.commandline.refusal.Note` for what the domain asks for that is not done; if it completes
the domain, it gives the completed one back (``return``), and the steps after it go on with that whatever was refused,
so that all that is wrong is said at once.  A step that gives nothing back leaves the domain as it is.  One that
completes and has nothing against any domain is of the same form, by ``yield from ()``.

The verbs have one meaning each:

=============  ==========================================================================================
``settle_``    decide a value that the domain leaves open, or that depends on what the binary has
``complete_``  fill in what libvirt fills in (``add_``, ``number_``, ``place_``: devices, numbers, places)
``assign_``    give addresses
``check_``     yield refusals and notes, and nothing else
``emit_``      yield options of the completed domain; it refuses nothing
=============  ==========================================================================================
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import wraps
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias, TypeVarTuple

from prober.commandline.options import Option, Raw
from prober.commandline.refusal import Note, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.host.target import Target

#: What a completing step is: refusals and notes, and at last the domain.
Completion: TypeAlias = Generator[Refusal | Note, None, Domain]

#: What a check is.
Check: TypeAlias = Iterator[Refusal | Note]

#: What a step runs.
Work: TypeAlias = Callable[[Domain, Target], Completion | Check]

Ts = TypeVarTuple("Ts")


def reading(work: Callable[[*Ts], Completion | Check], parts: Callable[[Domain, Target], tuple[*Ts]]) -> Work:
    """What a step runs where its function takes only what it reads: ``parts`` says what that is."""

    @wraps(work)
    def run(domain: Domain, target: Target) -> Completion | Check:
        return work(*parts(domain, target))

    return run


def the_domain(domain: Domain, _: Target) -> tuple[Domain]:
    """For :func:`reading`: the domain alone."""
    return (domain,)


def the_devices(domain: Domain, _: Target) -> tuple[Devices]:
    """For :func:`reading`: the devices alone."""
    return (domain.devices,)


def devices_and_target(domain: Domain, target: Target) -> tuple[Devices, Target]:
    """For :func:`reading`: the devices and the target."""
    return domain.devices, target


#: What a field of the domain is where there is nothing to do about it.
NOTHING: Final = (None, ())


@dataclass(frozen=True)
class Step:
    """One step.

    ``turn`` is its place among all steps: lower is earlier, and each has its own.  ``about`` names the classes of
    devices that it is about: where a domain has none of them there is nothing to do, and it is not run.  ``field``
    names a field of the domain likewise, with dots (``features.hyperv``): there is nothing to do where that is None or
    an empty tuple when the step's turn comes.  ``is_last_net`` is said of a check that is left out where anything was
    refused before.

    ``name`` is a verb of those above and its object, joined by dashes: ``check-os``.  It is that of the function; a
    lambda has none, and a function that reads less than the domain and the target is made a step by :func:`reading`.

    :raise ValueError: for a lambda.
    """

    turn: int
    run: Work
    about: tuple[type[Device], ...] = ()
    field: str = ""
    is_last_net: bool = False
    name: str = dataclasses.field(init=False)
    #: What a refusal that says no rule of its own is refused by: ``domain/check-os``.
    rule: str = dataclasses.field(init=False)
    #: What gets the field; None where it is about no single one.
    needed: Callable[[Domain], object] | None = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        name = self.run.__name__.strip("_").replace("_", "-")
        if "<" in name:
            raise ValueError(f"the step at turn {self.turn} is a lambda, which has no name")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "rule", f"domain/{name}")
        object.__setattr__(self, "needed", attrgetter(self.field) if self.field else None)


class Emission(NamedTuple):
    """A part of the argv that is not one device's; ``turn`` is its place among all parts, those of devices included.

    What it is about may be said, as most domains have it not, and it is not asked then: ``about`` names classes of
    devices and ``field`` a field of the domain, as in a :class:`Step`.
    """

    turn: int
    emit: Callable[[Domain, Target], Iterator[Option] | Iterator[Raw]]
    about: tuple[type[Device], ...] = ()
    field: str = ""

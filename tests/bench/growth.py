"""How the time of a translation grows with the domain: ten times as much may take eleven times as long.

The processor's own time is counted, the least of some rounds.  The parent stands beside it, and is no bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench import PARENT, PRESENT, Row
from tests.bench.lines import make_line
from tests.bench.worker import Inside, Took, start_insides
from tests.conftest import CHECKOUT

BAR = 11.0
_MS = 1000

_REPLIES = CHECKOUT / "fixtures" / "replies" / "qemu-10.0.13.replies.xz"

#: A device of each kind in turn; ``{n}`` is its number, ``{h}`` that in hexadecimal, of two digits.
_DEVICES = (
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/{n}.qcow2'/>"
    "<target dev='vd{letters}' bus='virtio'/></disk>",
    "<interface type='user'><mac address='52:54:00:00:00:{h}'/><model type='virtio'/></interface>",
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
    "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
    "<address domain='0' bus='0x{h}' slot='0' function='0'/></source></hostdev>",
    "<input type='tablet' bus='virtio'/>",
)


def make_domain(devices: int, *, unknown: int = 0) -> str:
    """A domain with so many devices, and with so many attributes that nobody knows on its last element."""
    told = [
        _DEVICES[number % len(_DEVICES)].format(n=number, h=f"{number % 256:02x}", letters=_letters(number))
        for number in range(devices)
    ]
    attributes = " ".join(f"unknown{number}='1'" for number in range(unknown))
    return (
        "<domain type='qemu'><name>bench</name><uuid>5d5a2c2e-2d6c-4a3e-9d6b-0f6f0d0c0b0a</uuid>"
        "<memory unit='GiB'>2</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>"
        "<features><acpi/></features><devices><controller type='usb' model='none'/>"
        f"{''.join(told)}<memballoon model='none' {attributes}/></devices></domain>"
    )


def _letters(number: int) -> str:
    """``a`` to ``z``, ``aa``, ``ab``, … as disks are named."""
    more, last = divmod(number, 26)
    return (_letters(more - 1) if more else "") + chr(ord("a") + last)


def rows() -> Iterator[Row]:
    """Measure; the parent takes some ten seconds for the largest."""
    with start_insides() as insides:

        def devices(inside: Inside, size: int, rounds: int) -> Took:
            took = inside.translate(make_domain(size), _REPLIES, rounds=rounds)
            assert not took.refused, size
            return took

        def unknown(inside: Inside, size: int, rounds: int) -> Took:
            took = inside.translate(make_domain(1, unknown=size), _REPLIES, rounds=rounds)
            assert took.refused, size
            return took

        def line(inside: Inside, size: int, rounds: int) -> Took:
            return inside.check(make_line("/usr/bin/qemu-system-x86_64", size), _REPLIES, rounds=rounds)

        yield _row(insides, "devices of a domain, translated", devices, 20, 200, (20, 5))
        yield _row(insides, "devices of a command line, checked", line, 20, 200, (20, 5))
        yield _row(insides, "unknown attributes, refused", unknown, 4000, 40000, (5, 2))


def _row(
    insides: dict[str, Inside],
    name: str,
    ask: Callable[[Inside, int, int], Took],
    small: int,
    large: int,
    rounds: tuple[int, int],
) -> Row:
    ratio, text = {}, {}
    for side, inside in insides.items():
        ask(inside, small, 1)
        few, many = (ask(inside, size, number).cpu * _MS for size, number in zip((small, large), rounds, strict=True))
        ratio[side] = many / few
        text[side] = f"{few:.1f} to {many:.0f} ms = {ratio[side]:.1f} x"
    return Row(
        f"{small:,} to {large:,} {name}",
        "in process",
        text[PRESENT],
        text.get(PARENT, ""),
        f"{ratio[PRESENT]:.1f} x",
        f"≤ {BAR:.0f} x the time",
        ratio[PRESENT] <= BAR,
        "the processor's time",
    )

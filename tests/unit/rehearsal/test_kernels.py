"""What two hosts' kernels offer is compared where both told, and is else unknown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prober.host.facts import HostFacts
from prober.rehearsal.kernels import UNTOLD, KernelOffers, kernel_changes, kernel_matters, kernel_unknowns, offers_of
from prober.rehearsal.wording import describe_change

TAP = ("qemu", "-netdev", "tap,id=n,fd=3")
JSON_TAP = ("qemu", "-netdev", '{"type":"tap","id":"n","fd":"3","vhost":true,"vhostfd":"4"}')
VHOST = ("qemu", "-netdev", "tap,id=n,fd=3,vhost=on")
VSOCK = ("qemu", "-device", "vhost-vsock-pci,guest-cid=3")
PLAIN = ("qemu", "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n")

OLD = KernelOffers(
    kernel="6.1", vhost_net=("mrg_rxbuf", "log_all"), vhost_vsock=("seqpacket",), tun=("tap", "vnet_hdr")
)
NEW = OLD.model_copy(update={"vhost_net": ("mrg_rxbuf", "in_order"), "tun": ("tap", "vnet_hdr", "napi")})


@pytest.mark.parametrize(
    ("words", "changed"),
    [(PLAIN, []), (TAP, ["tun"]), (JSON_TAP, ["tun", "vhost-net"]), (VHOST, ["tun", "vhost-net"]), (VSOCK, [])],
)
def test_what_a_line_takes_of_the_kernel_is_compared(words: tuple[str, ...], changed: list[str]) -> None:
    found = [*kernel_changes(words, OLD, NEW)]
    assert [one.where.partition(" ")[0] for one in found] == changed
    assert [*kernel_changes(words, OLD, OLD)] == []
    assert [*kernel_unknowns(words, OLD, NEW)] == []


def test_what_only_one_offers_is_named() -> None:
    *_, vhost = kernel_changes(VHOST, OLD, NEW)
    assert (vhost.here, vhost.there) == ("log_all", "in_order")
    told = "vhost-net of the host's kernel: what it alone offers is log_all here and in_order there"
    assert describe_change(vhost) == told
    (more,) = kernel_changes(TAP, OLD, NEW)
    assert (more.here, more.there) == (None, "napi")


@pytest.mark.parametrize(("words", "number"), [(PLAIN, 0), (TAP, 1), (VHOST, 2), (VSOCK, 1)])
@pytest.mark.parametrize("sides", [(UNTOLD, OLD), (OLD, UNTOLD), (UNTOLD, UNTOLD)])
def test_what_one_did_not_tell_is_unknown_and_never_the_same(
    words: tuple[str, ...], number: int, sides: tuple[KernelOffers, KernelOffers]
) -> None:
    assert [*kernel_changes(words, *sides)] == []
    assert len([*kernel_unknowns(words, *sides)]) == number


@pytest.mark.parametrize(
    ("words", "told"), [(PLAIN, []), (TAP, []), (JSON_TAP, ["vhost-net"]), (VSOCK, ["vhost-vsock"])]
)
def test_on_one_host_what_vhost_offers_on_another_is_no_matter_of_it(words: tuple[str, ...], told: list[str]) -> None:
    assert [*kernel_matters(words)] == [f"what {one} offers is the kernel's matter on either host" for one in told]


def test_a_host_tells_of_itself_and_a_file_no_more_than_there_are_bits() -> None:
    facts = HostFacts(kernel="6.1", vhost_net=("mrg_rxbuf",), tun=None)
    assert offers_of(facts) == KernelOffers(kernel="6.1", vhost_net=("mrg_rxbuf",))
    with pytest.raises(ValidationError):
        KernelOffers(tun=("x",) * 65)
    with pytest.raises(ValidationError):
        KernelOffers(tun=("x" * 101,))

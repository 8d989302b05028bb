"""What libvirt would make up: from a seed, or told of as resources."""

from __future__ import annotations

import json
import re
from uuid import UUID

import pytest

from prober.errors import UsageError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from prober.translate.wishes import Wishes, read_moment
from tests.recordings import FIXTURES, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")

XML = """\
<domain type='qemu'>
  <name>made</name>
  {head}
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <interface type='user'><model type='virtio'/></interface>
    <interface type='user'><mac address='52:54:00:00:00:07'/></interface>
    <interface type='user'/>
    <memballoon model='none'/>
  </devices>
</domain>"""


def done(head: str = "<genid/>", seed: str | None = None) -> Translation:
    return translate(read_domain(XML.format(head=head).encode()), CAPS, binary="/q", seed=seed)


def macs(translation: Translation) -> list[str | None]:
    devices = [json.loads(word) for word in translation.argv if word.startswith('{"driver"')]
    return [device.get("mac") for device in devices if "netdev" in device]


def value_after(translation: Translation, flag: str) -> str:
    return translation.argv[translation.argv.index(flag) + 1]


def test_nothing_is_made_up_without_a_seed() -> None:
    plain = done()
    assert "-uuid" not in plain.argv
    assert macs(plain) == [None, "52:54:00:00:00:07", None]
    told = [(one.name, one.key, one.value) for one in plain.resources if one.kind == "made-up"]
    assert told == [("vmgenid0", "guid", "auto"), ("net0", "id", "net0"), ("net2", "id", "net2")]


def test_a_seed_makes_up_all_and_always_the_same() -> None:
    made = done(seed="one")
    assert made == done(seed="one")
    assert [one for one in made.resources if one.kind == "made-up"] == []
    uuid, guid = value_after(made, "-uuid"), re.search(r'"guid":"([^"]*)"', " ".join(made.argv))
    assert guid is not None
    assert [UUID(one).version for one in (uuid, guid[1])] == [4, 4]
    assert uuid != guid[1]
    first, given, last = macs(made)
    assert given == "52:54:00:00:00:07"
    assert len({first, given, last}) == 3
    assert all(re.fullmatch("52:54:00(:[0-9a-f]{2}){3}", mac or "") for mac in (first, last))


def test_another_seed_makes_up_others() -> None:
    one, other = done(seed="one"), done(seed="two")
    assert value_after(one, "-uuid") != value_after(other, "-uuid")
    assert macs(one)[0] != macs(other)[0]


def test_an_address_that_a_card_has_is_not_made_up_for_another() -> None:
    first, _, last = macs(done(seed="one"))
    assert last is not None
    taken = XML.replace("52:54:00:00:00:07", last.upper()).format(head="")
    again = translate(read_domain(taken.encode()), CAPS, binary="/q", seed="one")
    assert macs(again)[0] == first
    assert macs(again)[2] != last


def test_what_the_domain_says_stays() -> None:
    uuid = "c7a5fdbd-edaf-9455-926a-d65c16db1809"
    assert value_after(done(f"<uuid>{uuid}</uuid>", seed="one"), "-uuid") == uuid
    info = f"<uuid/><sysinfo type='smbios'><system><entry name='uuid'>{uuid}</entry></system></sysinfo>"
    assert value_after(done(info, seed="one"), "-uuid") == uuid


@pytest.mark.parametrize(
    ("wishes", "seed"),
    [
        (Wishes(), None),
        (Wishes(make_up=True), "vm"),
        (Wishes(seed="x"), "x"),
        (Wishes(make_up=True, seed=""), ""),
    ],
)
def test_the_name_is_the_seed_where_none_is_given(wishes: Wishes, seed: str | None) -> None:
    assert wishes.seed_of("vm") == seed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1600000000", 1600000000),
        ("-1", -1),
        ("2020-09-13T12:26:40Z", 1600000000),
        ("2020-09-13T12:26:40", 1600000000),
        ("2020-09-13T14:26:40+02:00", 1600000000),
    ],
)
def test_a_moment_is_seconds_or_a_date(text: str, seconds: int) -> None:
    assert read_moment(text) == seconds


@pytest.mark.parametrize("text", ["", "now", "1e9", "999999999999999", "9" * 12, "0001-01-01", "2020-13-01", "٣"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError):
        read_moment(text)


def test_wishes_are_parameters() -> None:
    assert Wishes(strict=True, seed="").query() == {"strict": "true", "seed": ""}
    assert Wishes(starts_at=0).query() == {"starts_at": "0"}
    assert Wishes().query() == {}

"""Firmware descriptors: what is read of a host, and which of it a domain gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prober.errors import RefusedError
from prober.host.descriptor import Descriptor, FirmwareTarget
from prober.host.firmware import read_firmware
from prober.host.host import Host, Settings
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")


def described(**more: Any) -> dict[str, Any]:
    """A descriptor of split flash without features."""
    flash = {
        "device": "flash",
        "executable": {"filename": "/fw/CODE.fd", "format": "raw"},
        "nvram-template": {"filename": "/fw/VARS.fd", "format": "raw"},
    }
    whole = {
        "description": "firmware",
        "interface-types": ["uefi"],
        "mapping": flash,
        "targets": [{"architecture": "x86_64", "machines": ["pc-i440fx-*", "pc-q35-*"]}],
        "features": [],
        "tags": [],
    }
    return whole | more


def flash(name: str, *, kind: str = "raw", mode: str = "split") -> dict[str, Any]:
    made = {"device": "flash", "mode": mode, "executable": {"filename": f"/fw/{name}.code", "format": kind}}
    return made | ({"nvram-template": {"filename": f"/fw/{name}.vars", "format": kind}} if mode == "split" else {})


def host(*descriptors: dict[str, Any], **settings: Any) -> Host:
    firmware = tuple(Descriptor.model_validate(one) for one in descriptors)
    return Host(firmware=firmware, settings=Settings(**settings))


def domain(os: str, *, rest: str = "<features><acpi/></features>", kind: str = "qemu", machine: str = "q35") -> bytes:
    firmware, _, inside = os.partition("|")
    attribute = f" firmware='{firmware}'" if firmware else ""
    return (
        f"<domain type='{kind}'><name>a</name><memory unit='MiB'>64</memory>"
        f"<os{attribute}><type arch='x86_64' machine='{machine}'>hvm</type>{inside}</os>{rest}<devices/></domain>"
    ).encode()


def flashed(xml: bytes, brought: Host) -> list[str]:
    """The images behind the chips."""
    argv = translate(read_domain(xml), CAPS, binary="/q", host=brought).argv
    nodes = [json.loads(argv[at + 1]) for at, word in enumerate(argv) if word == "-blockdev"]
    return [node["filename"] for node in nodes if "filename" in node]


def refusal_of(xml: bytes, brought: Host) -> str:
    with pytest.raises(RefusedError) as caught:
        translate(read_domain(xml), CAPS, binary="/q", host=brought)
    return "\n".join(map(str, caught.value.refusals))


def write(root: Path, path: str, content: Any) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_later_directory_hides_files_of_an_earlier_one(tmp_path: Path) -> None:
    write(tmp_path, "usr/share/qemu/firmware/50-b.json", described(features=["installed"]))
    write(tmp_path, "usr/share/qemu/firmware/60-c.json", described())
    write(tmp_path, "usr/share/qemu/firmware/70-d.json", described())
    write(tmp_path, "etc/qemu/firmware/50-b.json", described(features=["administrator"]))
    write(tmp_path, "etc/qemu/firmware/60-c.json", "")
    write(tmp_path, "etc/qemu/firmware/10-a.json", described())
    found = read_firmware(tmp_path)
    assert [one.name for one in found] == ["10-a.json", "50-b.json", "70-d.json"]
    assert found[1].features == ("administrator",)


def test_what_is_no_sound_descriptor_is_left_out(tmp_path: Path) -> None:
    directory = "etc/qemu/firmware"
    write(tmp_path, f"{directory}/1.json", "not JSON")
    write(tmp_path, f"{directory}/2.json", {"firmware": True})
    write(tmp_path, f"{directory}/3.json", described(mapping=flash("a") | {"nvram-template": None}))
    write(tmp_path, f"{directory}/4.json", described(mapping={"device": "memory", "filename": "relative"}))
    write(tmp_path, f"{directory}/5.json", " " * (1024 * 1024 + 1))
    write(tmp_path, f"{directory}/.hidden.json", described())
    (tmp_path / directory / "6.json").mkdir()
    (tmp_path / directory / "7.json").symlink_to("nowhere")
    assert read_firmware(tmp_path) == ()


def test_a_host_without_firmware_has_none(tmp_path: Path) -> None:
    assert read_firmware(tmp_path / "nowhere") == ()


def test_the_first_that_fits_is_taken() -> None:
    brought = host(
        described(mapping=flash("qcow2", kind="qcow2")),
        described(mapping=flash("other"), targets=[{"architecture": "aarch64", "machines": ["*"]}]),
        described(mapping=flash("pc"), targets=[{"architecture": "x86_64", "machines": ["pc-i440fx-?.2"]}]),
        described(mapping=flash("first")),
        described(mapping=flash("second")),
    )
    assert flashed(domain("efi|"), brought)[0] == "/fw/first.code"
    assert flashed(domain("efi|<loader format='qcow2'/>"), brought)[0] == "/fw/qcow2.code"
    assert flashed(domain("efi|<nvram format='qcow2'/>"), brought)[0] == "/fw/qcow2.code"
    second = domain("efi|<loader type='pflash'>/fw/second.code</loader>")
    assert flashed(second, brought)[0] == "/fw/second.code"
    assert "none of the 5 firmware descriptors" in refusal_of(domain("bios|"), brought)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ("", "/fw/secure.code"),
        ("<firmware><feature name='secure-boot' enabled='no'/></firmware>", "/fw/plain.code"),
        ("<firmware><feature name='enrolled-keys' enabled='yes'/></firmware>", "/fw/keys.code"),
        ("<loader secure='no'/>", "/fw/plain.code"),
        ("<loader secure='yes'/>", "/fw/secure.code"),
        ("<loader stateless='yes'/>", "/fw/stateless.code"),
        ("<nvram template='/fw/keys.vars'/>", "/fw/keys.code"),
    ],
)
def test_features_choose(wish: str, code: str) -> None:
    brought = host(
        described(mapping=flash("secure"), features=["secure-boot", "requires-smm"]),
        described(mapping=flash("keys"), features=["secure-boot", "requires-smm", "enrolled-keys"]),
        described(mapping=flash("plain")),
        described(mapping=flash("stateless", mode="stateless")),
    )
    assert flashed(domain(f"efi|{wish}"), brought)[0] == code


def test_firmware_that_needs_smm_turns_it_on() -> None:
    brought = host(described(mapping=flash("secure"), features=["secure-boot", "requires-smm"]))
    argv = translate(read_domain(domain("efi|")), CAPS, binary="/q", host=brought).argv
    assert ",smm=on," in argv[argv.index("-machine") + 1]
    assert "driver=cfi.pflash01,property=secure,value=on" in argv
    off = domain("efi|", rest="<features><acpi/><smm state='off'/></features>")
    assert "none of the 1 firmware descriptors" in refusal_of(off, brought)


def test_sleep_and_launch_security_need_firmware_that_takes_part() -> None:
    brought = host(
        described(mapping=flash("plain")),
        described(mapping=flash("s3"), features=["acpi-s3"]),
        described(mapping=flash("sev"), features=["amd-sev", "acpi-s4"]),
        described(mapping=flash("es"), features=["amd-sev", "amd-sev-es"]),
        described(mapping=flash("snp"), features=["amd-sev-snp"]),
    )
    acpi = "<features><acpi/></features>"
    for rest, code in (
        ("<pm><suspend-to-mem enabled='yes'/></pm>", "s3"),
        ("<pm><suspend-to-disk enabled='yes'/></pm>", "sev"),
        ("<pm><suspend-to-disk enabled='no'/></pm>", "plain"),
    ):
        assert flashed(domain("efi|", rest=acpi + rest), brought)[0] == f"/fw/{code}.code"
    numbers = "<cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits>"
    for kind, policy, code in (("sev", "0x1", "sev"), ("sev", "0x5", "es"), ("sev-snp", "0x30000", "snp")):
        security = f"<launchSecurity type='{kind}'>{numbers}<policy>{policy}</policy></launchSecurity>"
        assert flashed(domain("efi|", rest=acpi + security, kind="kvm"), brought)[0] == f"/fw/{code}.code"


def test_variables_of_their_own_are_copied_from_the_template() -> None:
    brought = host(described(), state_directory="/state")
    translation = translate(read_domain(domain("efi|")), CAPS, binary="/q", host=brought)
    (need,) = [item for item in translation.resources if item.kind == "nvram"]
    assert need.value == "/state/nvram/a_VARS.fd"
    assert "copy /fw/VARS.fd there" in need.todo


def test_firmware_in_memory_is_a_bios() -> None:
    brought = host(
        described(**{"interface-types": ["bios"], "mapping": {"device": "memory", "filename": "/fw/bios.bin"}})
    )
    argv = translate(read_domain(domain("bios|")), CAPS, binary="/q", host=brought).argv
    assert argv[argv.index("-bios") + 1] == "/fw/bios.bin"


def test_a_list_in_qemu_conf_stands_for_descriptors() -> None:
    xml = domain("|<loader type='pflash'>/my/CODE.fd</loader>")
    assert flashed(xml, host(nvram=("/my/CODE.fd:/my/VARS.fd",)))[1] == "/var/lib/libvirt/qemu/nvram/a_VARS.fd"
    # Code that nobody knows is read as it is, and written.
    assert flashed(xml, host(nvram=())) == ["/my/CODE.fd"]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", True),
        ("pc-q35-*", True),
        ("*10.0", True),
        ("pc-q35-10.?", True),
        ("pc*10*", True),
        ("pc-q35-10.0*", True),
        ("?*?*?", True),
        ("pc-q35", False),
        ("*q36*", False),
        ("", False),
        ("[p]c-q35-10.0", False),
        ("*?" * 100 + "x", False),
    ],
)
def test_machines_are_named_with_wildcards(pattern: str, fits: bool) -> None:
    assert FirmwareTarget(architecture="x86_64", machines=(pattern,)).fits("x86_64", "pc-q35-10.0") is fits


def test_many_stars_take_no_time() -> None:
    assert not FirmwareTarget(architecture="a", machines=("*?" * 127 + "x",)).fits("a", "y" * 2000)


def test_a_path_beside_a_wish_is_of_the_kind_of_its_descriptor() -> None:
    brought = host(described(mapping=flash("one")), described(mapping=flash("two")))
    assert flashed(domain("efi|<loader>/fw/two.code</loader>"), brought)[0] == "/fw/two.code"


def test_a_guest_of_32_bits_gets_firmware_for_it() -> None:
    xml = domain("efi|").replace(b"arch='x86_64'", b"arch='i686'")
    other = [{"architecture": "i386", "machines": ["pc-q35-*"]}]
    brought = host(described(mapping=flash("wide")), described(mapping=flash("narrow"), targets=other))
    assert flashed(xml, brought)[0] == "/fw/narrow.code"


def test_so_does_a_guest_of_arms_32_bits() -> None:
    caps = load_capabilities(FIXTURES / "qemu-aarch64-7.2.22.replies.xz")
    xml = (
        b"<domain type='qemu'><name>n</name><memory>65536</memory><os firmware='efi'>"
        b"<type arch='armv7l' machine='virt'>hvm</type></os><features><acpi/></features><devices/></domain>"
    )
    wide = described(mapping=flash("wide"), targets=[{"architecture": "aarch64", "machines": ["virt-*"]}])
    narrow = described(mapping=flash("narrow"), targets=[{"architecture": "arm", "machines": ["virt-*"]}])
    argv = translate(read_domain(xml), caps, binary="/q", host=host(wide, narrow)).argv
    assert any("/fw/narrow.code" in word for word in argv)
    with pytest.raises(RefusedError, match="none of the 1 firmware descriptors"):
        translate(read_domain(xml), caps, binary="/q", host=host(wide))


def kept_by_qemu(xml: bytes, brought: Host) -> tuple[str, str]:
    """The firmware in memory, and where QEMU keeps its variables."""
    argv = translate(read_domain(xml), CAPS, binary="/q", host=brought).argv
    device = next(json.loads(word) for word in argv if "uefi-vars-x64" in word)
    return argv[argv.index("-bios") + 1], device["jsonfile"]


IN_MEMORY = {"device": "memory", "filename": "/fw/OVMF.fd", "uefi-vars": {"template": "/fw/vars.json"}}


def test_firmware_in_memory_has_its_variables_kept_by_qemu() -> None:
    brought = host(described(mapping=IN_MEMORY), described(), state_directory="/state")
    assert kept_by_qemu(domain("efi|"), brought) == ("/fw/OVMF.fd", "/state/varstore/a.json")
    asked = "efi|<varstore path='/own.json' template='/fw/vars.json'/>"
    assert kept_by_qemu(domain(asked), brought) == ("/fw/OVMF.fd", "/own.json")
    argued = translate(read_domain(domain(asked)), CAPS, binary="/q", host=brought)
    assert [one.todo for one in argued.resources if one.name == "varstore"] == [
        "/own.json holds the firmware's variables; if it does not exist yet, copy /fw/vars.json there"
    ]


def test_where_variables_are_asked_for_chooses_the_firmware() -> None:
    brought = host(described(mapping=IN_MEMORY), described())
    assert "/fw/CODE.fd" in flashed(domain("efi|<nvram>/own.fd</nvram>"), brought)
    flash_first = host(described(), described(mapping=IN_MEMORY))
    assert kept_by_qemu(domain("efi|<varstore/>"), flash_first)[0] == "/fw/OVMF.fd"
    assert "firmware descriptors" in refusal_of(domain("efi|<varstore template='/other.json'/>"), flash_first)
    plain = host(described(mapping={"device": "memory", "filename": "/fw/OVMF.fd"}))
    assert "firmware descriptors" in refusal_of(domain("efi|<varstore/>"), plain)

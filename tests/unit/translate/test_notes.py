"""What the XML says and the command line does not do: told with the answer, or refused for who wants all of it."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")

XML = """\
<domain type='qemu'>
  <name>noted</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  {more}
  <devices><controller type='usb' model='none'/>{devices}<memballoon model='none'/></devices>
</domain>"""


def done(more: str = "", devices: str = "", *, ignore_unknown: bool = False, strict: bool = False) -> Translation:
    domain = read_domain(XML.format(more=more, devices=devices).encode(), ignore_unknown=ignore_unknown)
    return translate(domain, CAPS, binary="/q", strict=strict)


def refusals(more: str, devices: str = "", *, ignore_unknown: bool = False, strict: bool = False) -> list[str]:
    with pytest.raises(RefusedError) as refused:
        done(more, devices, ignore_unknown=ignore_unknown, strict=strict)
    return [str(refusal) for refusal in refused.value.refusals]


def test_a_plain_domain_has_none() -> None:
    assert done(strict=True).notes == ()


UNKNOWN = (
    "<features><acpi/></features><pm><suspend-to-mem enabled='no' enable='no'/></pm><allowReboot value='yes'/>",
    "<toaster/>",
)


def test_what_is_not_understood_is_refused_or_noted_and_never_dropped() -> None:
    said = [
        "5: /domain/pm/suspend-to-mem/@enable: {}not understood: attribute enable of <suspend-to-mem> (did you mean "
        "enabled?)",
        "5: /domain/allowReboot: {}not understood: element <allowReboot>",
        "6: /domain/devices/toaster: {}not understood: element <toaster>",
    ]
    assert refusals(*UNKNOWN) == [one.format("") for one in said]
    noted = done(*UNKNOWN, ignore_unknown=True)
    assert [str(note) for note in noted.notes] == [one.format("note: left out, as it is ") for one in said]
    assert noted.argv == done(UNKNOWN[0].replace("enable='no'", "").partition("<allow")[0]).argv
    assert refusals(*UNKNOWN, ignore_unknown=True, strict=True) == [one.format("left out, as it is ") for one in said]


def test_text_in_the_wrong_place_is_unknown_too() -> None:
    assert "the text 'on' in <pm>" in refusals("<pm>on</pm>")[0]
    assert "the text 'on' in <pm>" in done("<pm>on</pm>", ignore_unknown=True).notes[0].message


@pytest.mark.parametrize(
    "wrong", ["<pm><suspend-to-mem enabled='maybe'/></pm>", "<on_crash>explode</on_crash>", "<clock/><clock/>"]
)
def test_a_wrong_value_is_never_left_out(wrong: str) -> None:
    assert refusals(wrong) == refusals(wrong, ignore_unknown=True)


def test_libvirts_file_of_a_running_guest_has_a_domain_in_it() -> None:
    xml = XML.format(more="<on_crash>restart</on_crash>", devices="")
    inside = f"<domstatus state='running'>{xml}</domstatus>".encode()
    (note,) = translate(read_domain(inside), CAPS, binary="/q").notes
    assert note.place.path == "/domstatus/domain/on_crash"
    with pytest.raises(RefusedError, match="<domstatus> is not a domain"):
        read_domain(b"<domstatus><other/></domstatus>")


def test_hundreds_of_one_kind_are_counted() -> None:
    notes = done("".join(f"<x{number}/>" for number in range(250)), ignore_unknown=True).notes
    assert len(notes) == 101
    assert notes[-1].message == "and 150 more of this kind"


#: What is asked of QEMU, the options that it is given, and the events at which it does something else.
LIVES = [
    ("destroy", "restart", "destroy", "", ""),
    ("restart", "restart", "restart", "", "on_poweroff on_crash"),
    ("destroy", "destroy", "preserve", "-no-reboot -action panic=pause", ""),
    ("preserve", "restart", "destroy", "-no-shutdown", "on_crash"),
    ("preserve", "preserve", "preserve", "-no-reboot -no-shutdown -action panic=pause", ""),
    ("destroy", "preserve", "coredump-destroy", "-no-reboot -no-shutdown", "on_poweroff on_crash"),
    ("preserve", "destroy", "coredump-restart", "-no-reboot -no-shutdown", "on_reboot on_crash"),
]


@pytest.mark.parametrize(("poweroff", "reboot", "crash", "options", "noted"), LIVES)
def test_without_a_monitor_qemu_does_what_it_can(
    poweroff: str, reboot: str, crash: str, options: str, noted: str
) -> None:
    found = done(f"<on_poweroff>{poweroff}</on_poweroff><on_reboot>{reboot}</on_reboot><on_crash>{crash}</on_crash>")
    words = found.argv[found.argv.index("-rtc") + 2 :]
    assert " ".join(words[: words.index("-boot")]) == options
    assert [note.place.path for note in found.notes] == [f"/domain/{name}" for name in noted.split()]
    assert all("--monitor" in note.hint for note in found.notes)


def test_every_life_of_a_guest_is_translated() -> None:
    ends = ("destroy", "restart", "preserve")
    for poweroff in ends:
        for reboot in ends:
            for crash in (*ends, "coredump-destroy", "coredump-restart"):
                done(
                    f"<on_poweroff>{poweroff}</on_poweroff><on_reboot>{reboot}</on_reboot><on_crash>{crash}</on_crash>"
                )

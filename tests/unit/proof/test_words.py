"""What QEMU wrote is taken apart into messages, each with the option that it begins with."""

from __future__ import annotations

from prober.proof.words import Tone, messages_of

_PROGRAMS = ["qemu-system-x86_64"]


def test_the_option_before_a_message_is_found_and_taken_off() -> None:
    stderr = "qemu-system-x86_64: -device e1000,mak=x: Property 'e1000.mak' not found\n"
    (message,) = messages_of(stderr, _PROGRAMS, [["-S"], ["-device", "e1000"], ["-device", "e1000,mak=x"]])
    assert (message.option, message.text, message.tone) == (2, "Property 'e1000.mak' not found", Tone.error)


def test_warnings_and_hints_are_no_errors_of_their_own() -> None:
    stderr = (
        "qemu-system-x86_64: warning: global PIIX4_PM.x=off not used\n"
        "qemu-system-x86_64: -drive file=a: warning: old\n"
        "WARNING: StandInImage format was not specified\n"
        "         Automatically detecting\n"
        "qemu-system-x86_64: unsupported machine type\n"
        "Use -machine help to list supported machines\n"
    )
    found = messages_of(stderr, _PROGRAMS, [["-drive", "file=a"]])
    assert [(one.tone, one.option) for one in found[:2]] == [(Tone.warning, None), (Tone.warning, 0)]
    assert found[-1].tone is Tone.error
    assert found[-1].hint == "Use -machine help to list supported machines"


def test_an_option_with_a_line_end_in_it_is_found() -> None:
    stderr = "qemu-system-x86_64: -name a\nb: warning: odd\n"
    (message,) = messages_of(stderr, _PROGRAMS, [["-name", "a\nb"]])
    assert (message.option, message.text) == (0, "odd")


def test_a_word_by_itself_is_an_option_too() -> None:
    stderr = "qemu-system-x86_64: /no/disk: Could not open '/no/disk': No such file or directory\n"
    (message,) = messages_of(stderr, _PROGRAMS, [["-S"], ["/no/disk"]])
    assert message.option == 1


def test_the_time_before_a_message_is_left_off() -> None:
    stderr = "2026-01-02T03:04:05.678901Z qemu-system-x86_64: -m x: bad\n"
    (message,) = messages_of(stderr, _PROGRAMS, [["-m", "x"]])
    assert (message.option, message.text) == (0, "bad")


def test_a_failed_assertion_is_a_message_of_its_own() -> None:
    stderr = "qemu-system-x86_64: warning: x\nqemu-system-x86_64: ../hw/pci.c:1: f: Assertion `x' failed.\n"
    assert [one.tone for one in messages_of(stderr, _PROGRAMS, [])] == [Tone.warning, Tone.error]


def test_nothing_said_is_no_message() -> None:
    assert messages_of("\n\n", _PROGRAMS, [["-S"]]) == []

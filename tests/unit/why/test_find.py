"""Sentences in texts: what stands before and behind them, many in one log, and what is not known."""

from __future__ import annotations

from prober.why.book import load_book
from prober.why.find import MOST_UNKNOWN, find_said
from prober.why.meaning import Account

LOCKED = 'Failed to get "write" lock'


def _account(text: str) -> Account:
    return find_said(text, load_book())


def test_what_others_put_before_a_message_does_not_matter() -> None:
    for before in (
        "",
        "qemu-system-x86_64: ",
        "error: internal error: process exited while connecting to monitor: 2024-05-01T10:00:00.000000Z qemu-kvm: ",
        "Unable to complete install: '",
        '{"level":"error","msg":"internal error: ',
        "Nov 30 01:00:00 host libvirtd[1]: 2024-05-01 10:00:00.1+0000: 1: error : qemuProcess:1 : internal error: ",
        "\x1b[31merror: ",
    ):
        (one,) = _account(before + LOCKED).said
        assert one.meaning.name == "image-locked", before
        assert one.message == LOCKED


def test_the_option_before_a_message_is_told() -> None:
    (one,) = _account(f"qemu-system-x86_64: -drive file=/a: b.img,format=raw: {LOCKED}").said
    assert (one.flag, one.written) == ("-drive", "-drive file=/a: b.img,format=raw")


def test_an_option_in_json_is_told() -> None:
    (one,) = _account(f'qemu: -device {{"driver":"ide-hd","id":"a"}}: {LOCKED}').said
    assert one.written == '-device {"driver":"ide-hd","id":"a"}'


def test_holes_are_filled_with_what_was_said() -> None:
    (one,) = _account("qemu: -device e1000,mak=x: Property 'e1000.mak' not found").said
    assert one.fact == "e1000.mak"
    assert "no property mak:" in one.means


def test_a_meaning_for_one_option_stands_before_one_for_any() -> None:
    (sound,) = _account("-audiodev pa,id=a: Parameter 'driver' does not accept value 'pa'").said
    (disk,) = _account("-blockdev x: Parameter 'driver' does not accept value 'pa'").said
    assert (sound.meaning.name, disk.meaning.name) == ("audio-driver", "parameter-value")


def test_a_log_is_told_once_a_message_with_how_often() -> None:
    lines = [f"2024-05-01T10:00:{second:02}.000000Z qemu-kvm: -drive file=a: {LOCKED}" for second in range(30)]
    (one,) = _account("\n".join(["starting up", *lines, "Is another process using the image [a]?"])).said
    assert (one.count, one.line) == (30, 2)


def test_that_something_failed_counts_where_nothing_else_is_said() -> None:
    died = "error: internal error: process exited while connecting to monitor"
    assert [one.meaning.name for one in _account(died).said] == ["libvirt-qemu-died"]
    assert [one.meaning.name for one in _account(f"{died}\nqemu: {LOCKED}").said] == ["image-locked"]


def test_a_message_that_was_broken_into_lines_is_found() -> None:
    (one,) = _account(
        "error: unsupported configuration: At least one numa node has to\nbe configured when enabling\nmemory hotplug"
    ).said
    assert one.meaning.name == "libvirt-memory-hotplug"


def test_what_complains_and_is_not_known_is_named() -> None:
    account = _account("starting up\nqemu-system-x86_64: the moon is full\nerror: nobody knows this\nshutting down")
    assert [(one.line, one.text) for one in account.unknown] == [
        (2, "qemu-system-x86_64: the moon is full"),
        (3, "error: nobody knows this"),
    ]


def test_no_more_than_some_unknown_lines_are_kept() -> None:
    account = _account("\n".join(f"error: nobody knows {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(100)))
    assert (len(account.unknown), account.left_off) == (MOST_UNKNOWN, 100 - MOST_UNKNOWN)


def test_a_text_of_nothing_known_is_unknown_as_a_whole() -> None:
    account = _account("the moon\nis full")
    assert account.said == ()
    assert [one.text for one in account.unknown] == ["the moon is full"]

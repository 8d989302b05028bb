"""What stands in for something hides what is wrong with it, which must not be proven then."""

from __future__ import annotations

import shlex

import pytest

from prober.commandline.report import check_argv
from prober.proof.line import LineLaunch
from prober.proof.standin import stand_in
from prober.proof.unseen import unseen_error
from tests.unit.proof.ready import THEIRS, capabilities


def _unseen_part(line: str) -> str | None:
    words, caps = ["qemu", *shlex.split(line)], capabilities("10.0")
    found = unseen_error(check_argv(words, caps).findings, words, stand_in(words, caps, THEIRS))
    return None if found is None else found.part


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("-netdev tap,id=n,vhost=foo", "vhost"),
        ("-netdev vhost-user,id=n,chardev=nosuch", "chardev"),
        ("-blockdev driver=nbd,node-name=a,server.type=inet,server.host=h", "server.port"),
        ("""-object '{"qom-type":"memory-backend-ram","id":"m","size":4096,"prealloc":"on"}'""", "prealloc"),
        ("-device vfio-pci,host=0000:00:00.0,nosuch=1", "nosuch"),
    ],
)
def test_a_fault_of_what_was_replaced_is_unseen(line: str, part: str) -> None:
    assert _unseen_part(line) == part


@pytest.mark.parametrize(
    "line",
    [
        "-netdev tap,id=n,nosuch=1",  # It is there still, and QEMU refuses it.
        "-device e1000,nosuch=1",
        "-netdev tap,id=n,vhost=on -device e1000,netdev=nosuch",
        "-netdev tap,id=n,vhost=on",
    ],
)
def test_what_qemu_is_given_is_seen(line: str) -> None:
    assert _unseen_part(line) is None


def test_no_word_of_a_line_names_the_provers_own_monitor() -> None:
    launches = [LineLaunch("qemu", words=words) for words in (("-chardev", "null,id=prober-qmp"), ("-S",))]
    ids = [launch.argv(3)[-1] for launch in launches]
    assert ids[0] != ids[1]
    assert "prober-qmp," not in ids[0]


@pytest.mark.parametrize("value", ["{" + '"file":{' * 900 + "}" * 901, "raw," + "file." * 3000 + "driver=file"])
def test_what_is_nested_too_deeply_is_neither_checked_nor_started(value: str) -> None:
    words, caps = ["qemu", "-blockdev", value], capabilities("10.0")
    assert [finding.message for finding in check_argv(words, caps).findings] == ["is nested too deeply"]
    assert stand_in(words, caps, THEIRS).not_provable == ["-blockdev: it is nested too deeply"]

"""Block drivers of modules as facts: present, absent with QEMU's words, or unknown."""

from __future__ import annotations

from typing import Any

import pytest

from prober.capabilities import Capabilities, Verdict
from prober.capabilities.diff import diff
from prober.capabilities.explain import AboutBackend, explain
from prober.errors import RecordingError
from prober.qemu.recording import ErrorReply, Exchange, Part, Recording
from tests.recordings import FIXTURES, load_capabilities, without_lists

COMMAND = "human-monitor-command"
OLD, NEW = (load_capabilities(FIXTURES / f"qemu-{version}.replies.xz") for version in ("5.2.0", "10.0.13"))
VERSION: Any = {"qemu": {"major": 10, "minor": 0, "micro": 0}, "package": ""}
SCHEMA: Any = [
    {"name": "blockdev-add", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
    {"name": "0", "meta-type": "object", "members": []},
    {"name": "1", "meta-type": "object", "members": [{"name": "driver", "type": "2"}], "tag": "driver",
     "variants": [{"case": "rbd", "type": "0"}, {"case": "raw", "type": "0"}]},
    {"name": "2", "meta-type": "enum", "values": ["rbd", "raw"]},
]  # fmt: skip


def asked(driver: str, reply: Any, error: ErrorReply | None = None) -> Exchange:
    return Exchange(COMMAND, {"command-line": f"drive_add 0 if=none,driver={driver}"}, reply, error)


def caps_of(*exchanges: Exchange) -> Capabilities:
    first = (Exchange("query-version", None, VERSION), Exchange("query-qmp-schema", None, SCHEMA))
    return Capabilities.from_recording(Recording((Part((*first, *exchanges)),)))


def test_one_that_loads_is_there() -> None:
    evidence = caps_of(asked("rbd", "Error: Parameter 'pool' is missing\r\n")).supports("-blockdev rbd")
    assert (evidence.verdict, evidence.command, evidence.error) == (Verdict.present, COMMAND, None)
    assert evidence.arguments == {"command-line": "drive_add 0 if=none,driver=rbd"}


def test_one_that_does_not_is_not_and_qemu_says_why() -> None:
    said = "Unable to load module rbd. Perhaps you want …?\r\nError: Unknown driver 'rbd'\r\n"
    evidence = caps_of(asked("rbd", said)).supports("-blockdev rbd")
    assert evidence.verdict is Verdict.absent
    assert evidence.error == "Unable to load module rbd. Perhaps you want …? Error: Unknown driver 'rbd'"


@pytest.mark.parametrize(
    "exchanges",
    [
        (),
        (asked("rbd", None, ErrorReply("QemuCrashed", "SIGSEGV")),),
        (asked("rbd", "unknown command: 'drive_add'\r\n"),),
        (asked("rbd", "\r\n"),),
        (Exchange(COMMAND, {"command-line": "info block"}, "Unknown driver 'rbd'"),),
        (Exchange(COMMAND, {"command-line": 5}, 5),),
        (asked("ssh", "Unknown driver 'ssh'"),),
    ],
)
def test_what_was_not_answered_is_unknown(exchanges: tuple[Exchange, ...]) -> None:
    evidence = caps_of(*exchanges).supports("-blockdev rbd")
    assert evidence.verdict is Verdict.unknown
    assert "never asked" in evidence.note


def test_the_schema_is_asked_of_all_others() -> None:
    caps = caps_of(asked("ssh", "Error: Parameter 'host' is missing"))
    assert caps.supports("-blockdev raw").is_present
    assert str(caps.supports("-blockdev qcow2").verdict) == "absent"
    # What no schema has is not there, whatever was said.
    assert str(caps.supports("-blockdev ssh").verdict) == "absent"
    bare = Capabilities.from_recording(Recording((Part((Exchange("query-version", None, VERSION),)),)))
    assert str(bare.supports("-blockdev raw").verdict) == "unknown"


def test_another_form_is_named() -> None:
    with pytest.raises(RecordingError, match=COMMAND):
        caps_of(asked("rbd", ["Unknown driver 'rbd'"]))


def test_the_bundled_recordings_have_none() -> None:
    for caps, driver in ((OLD, "iscsi"), (NEW, "iscsi"), (NEW, "virtio-blk-vhost-vdpa")):
        assert str(caps.supports(f"-blockdev {driver}").verdict) == "absent"
        assert str(without_lists(caps).supports(f"-blockdev {driver}").verdict) == "unknown"
    assert "qemu-block-extra" in str(NEW.supports("-blockdev rbd").error)


def test_it_is_explained_and_compared() -> None:
    there = Capabilities.model_validate({**NEW.model_dump(), "drivers": {**NEW.drivers, "nfs": ""}})
    assert explain(there, "-blockdev nfs").about == AboutBackend(option="blockdev", name="nfs")
    assert explain(NEW, "-blockdev nfs").about is None
    (options,) = (group for group in diff(OLD, there).groups if group.name == "options")
    assert ("-blockdev nfs", "added") in {(change.fact, change.kind) for change in options.changes}

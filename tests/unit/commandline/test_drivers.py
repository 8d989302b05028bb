"""Block drivers whose module is not installed, wherever a command line names one."""

from __future__ import annotations

import pytest

from prober.commandline.check import check
from prober.commandline.parse import parse_command_line, split_shell
from prober.commandline.refusal import NOT_INSTALLED, Finding, Kind
from tests.recordings import FIXTURES, load_capabilities, without_lists

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
RBD = "driver=rbd,pool=p,image=i"


def found(line: str, *, asked: bool = True) -> list[Finding]:
    options = parse_command_line(["qemu", *split_shell(line)]).options
    caps = CAPS if asked else without_lists(CAPS)
    return [finding for finding in check(options, caps) if finding.rule == NOT_INSTALLED]


@pytest.mark.parametrize(
    ("line", "driver", "part"),
    [
        (f"-blockdev {RBD},node-name=n", "rbd", "driver"),
        ("-blockdev raw,node-name=n,file.driver=nfs,file.path=/a,file.server.host=h,file.server.type=inet", "nfs",
         "file.driver"),
        ("""-blockdev '{"driver":"quorum","node-name":"n","vote-threshold":1,"children":["a",{"driver":"https",
            "url":"https://h/i"}]}'""", "https", "children.1.driver"),
        ("-drive if=none,driver=ssh,host=h,path=/p", "ssh", "driver"),
        ("-drive if=none,format=raw,file.driver=iscsi,file.portal=p", "iscsi", "file.driver"),
        ("-drive if=none,format=raw,file=rbd:pool/image", "rbd", "file"),
        ("-drive if=none,file=gluster+tcp://h/v/i", "gluster", "file"),
        ("-drive if=none,file=iser://h/v/0", "iscsi", "file"),
        ("""-drive 'file=json:{"driver":"raw",,"file":{"driver":"ftp",,"url":"ftp://h/i"}}'""", "ftp", "file"),
    ],
)  # fmt: skip
def test_it_is_refused_with_qemus_words(line: str, driver: str, part: str) -> None:
    (finding,) = found(line)
    assert (finding.kind, finding.qemu_name, finding.part) == (Kind.error, f"-blockdev {driver}", part)
    assert finding.message == f"QEMU 10.0.13 has no -blockdev {driver}"
    assert "qemu-block-extra" in finding.hint
    (unknown,) = found(line, asked=False)
    assert (unknown.kind, unknown.qemu_name) == (Kind.unknown, f"-blockdev {driver}")


@pytest.mark.parametrize(
    "line",
    [
        "-blockdev raw,node-name=n,file.driver=file,file.filename=/rbd:a",
        "-blockdev nbd,node-name=n,server.type=unix,server.path=/a",
        "-drive if=none,file=/images/rbd:a",
        "-drive if=none,file=nbd://h/i",
        "-drive if=none,file=json:{rbd",
        "-drive if=none,file=json:[1]",
        "-drive if=none,file=rbd",
        "-drive if=none,file=json:" + "[" * 5000,
    ],
)
def test_what_is_in_no_module_is_not_looked_for(line: str) -> None:
    assert found(line) == []

"""What names something that is left out is left out as well."""

from __future__ import annotations

import pytest

from prober.proof.bench import Bench
from prober.proof.cascade import cascade
from prober.proof.given import given_options
from tests.unit.proof.ready import capabilities


@pytest.mark.parametrize(
    ("line", "gone", "left"),
    [
        ("-netdev tap,id=n -device e1000,netdev=n -device e1000", "n", "-device e1000"),
        ("-device a,id=s -device b,bus=s.0,id=d -device c,bus=d.1", "s", ""),
        ("-blockdev file,node-name=f,filename=x -blockdev raw,node-name=r,file=f -device d,drive=r", "f", ""),
        (
            "-object p,id=h -blockdev file,node-name=f,filename=x,pr-manager=h",
            "h",
            "-blockdev file,node-name=f,filename=x",
        ),
        ("-object s,id=sev -machine q35,confidential-guest-support=sev", "sev", "-machine q35"),
        ("-device a,id=x -device b,serial=x", "x", "-device b,serial=x"),
        ("-device a,id=x -set device.x.p=1 -set device.y.p=1", "x", "-set device.y.p=1"),
    ],
)
def test_what_follows(line: str, gone: str, left: str) -> None:
    bench = Bench(capabilities("10.0"), "/stand-in", line=given_options(["q", *line.split()]))
    first = next(option for option in bench.line if option.id == gone)
    bench.leave_out(first, "a test")
    cascade(bench)
    assert " ".join(word for option in bench.line for word in option.words()) == left
    assert len(bench.left_out) == len(line.split()) // 2 - len(left.split()) // 2 + line.count(
        "pr-manager"
    ) + line.count("confidential")

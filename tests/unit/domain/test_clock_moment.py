"""Clocks that go on from where they were: told from the moment of starting, where the host says it."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from prober.host.host import Host
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

_XML = """\
<domain type='qemu'>
  <name>clock</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  {clock}
  <devices><memballoon model='none'/></devices>
</domain>"""

#: 2020-09-13 12:26:40 UTC.
_START = 1600000000


def _base(clock: str, host: Host) -> str:
    domain = read_domain(_XML.format(clock=clock).encode())
    argv = translate(
        domain, load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz"), binary="/usr/bin/qemu", host=host
    ).argv
    return argv[argv.index("-rtc") + 1].removeprefix("base=")


@pytest.mark.parametrize(
    ("clock", "base"),
    [
        ("<clock offset='variable'/>", "2020-09-13T12:26:40"),
        ("<clock offset='variable' adjustment='-40' basis='utc'/>", "2020-09-13T12:26:00"),
        ("<clock offset='variable' adjustment='60' basis='localtime'/>", "2020-09-13T14:27:40"),
        ("<clock offset='utc' adjustment='60'/>", "2020-09-13T12:27:40"),
        ("<clock offset='localtime' adjustment='0'/>", "2020-09-13T14:26:40"),
        ("<clock offset='utc' adjustment='reset'/>", "utc"),
        ("<clock offset='localtime' adjustment='reset'/>", "localtime"),
        ("<clock offset='localtime'/>", "localtime"),
    ],
)
def test_moment(clock: str, base: str) -> None:
    """The clock begins where it is ahead of the moment of starting."""
    assert _base(clock, Host(starts_at=_START, utc_offset=7200)) == base


@pytest.mark.parametrize(
    ("clock", "base"),
    [
        ("<clock offset='variable'/>", "utc"),
        ("<clock offset='variable' adjustment='0' basis='localtime'/>", "localtime"),
        ("<clock offset='localtime' adjustment='0'/>", "localtime"),
    ],
)
def test_untold_moment(clock: str, base: str) -> None:
    """A clock that is not ahead follows the host's, whenever that starts."""
    assert _base(clock, Host()) == base


@pytest.mark.parametrize("seconds", [10**13, -(10**13)])
def test_no_such_moment(seconds: int) -> None:
    """A moment that no calendar has is refused."""
    with pytest.raises(RefusedError, match="1900"):
        _base(f"<clock offset='variable' adjustment='{seconds}'/>", Host(starts_at=_START))

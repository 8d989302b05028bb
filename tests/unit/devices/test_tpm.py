"""TPMs: what no case shows, as cases have one host."""

from __future__ import annotations

from tests.unit.devices.making import translated


def test_swtpm_may_be_awaited_elsewhere() -> None:
    done = translated("<tpm><backend type='emulator'/></tpm>", swtpm_socket="/srv/tpm.sock")
    assert "socket,id=chrtpm,path=/srv/tpm.sock" in done.argv

"""Where displays listen."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from prober.host.host import Host, Network
from tests.unit.devices.making import option, translated


def test_displays_listen_on_networks_of_the_host() -> None:
    listen = "<graphics type='vnc'><listen type='network' network='lan'/></graphics>"
    host = Host(networks={"lan": Network(address="10.1.2.3")})
    assert option(translated(listen, host), "-vnc").startswith("10.1.2.3:0,")
    with pytest.raises(RefusedError, match="no network 'lan' with an address"):
        translated(listen)

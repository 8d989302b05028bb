"""Whose connection one of the loopback is."""

from __future__ import annotations

import os
import socket

from prober.pages.live.callers import uid_of_caller


def test_the_kernel_tells_whose_the_other_end_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as accepted:
            assert uid_of_caller(accepted) == os.getuid()
            assert uid_of_caller(client) == os.getuid()
            client.close()
            accepted.close()
            assert uid_of_caller(accepted) is None
        assert uid_of_caller(listener) is None


def test_of_others_it_is_not_told() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert uid_of_caller(one) is None
    with socket.socket(socket.AF_INET6) as unconnected:
        assert uid_of_caller(unconnected) is None

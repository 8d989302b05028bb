"""What has to come to its end does, and then whoever interrupted has his way."""

from __future__ import annotations

import signal

import pytest

from prober.qemu.finishing import uninterrupted


def test_ctrl_c_comes_when_it_is_over() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)  # to this thread
        done.append("all of it")
    assert done == ["all of it"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_what_failed_meanwhile_is_not_forgotten() -> None:
    with pytest.raises(ValueError, match="this"), uninterrupted():
        raise ValueError("this")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())

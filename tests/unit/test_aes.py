"""The cipher that the conformance suite makes secrets with."""

from __future__ import annotations

from tests.conformance.aes import encrypt


def test_the_suite_encrypts_as_the_standard_has_it() -> None:
    # NIST SP 800-38A, F.2.5, the first block.
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    text = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    assert encrypt(text, key, bytes(range(16)))[:16].hex() == "f58c4c04d6e5f1ba779eabfb5f7bfbd6"

"""NKeys and the files that hold them; addresses of stores; what is read of them and what is refused."""

from __future__ import annotations

import base64
import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from prober.errors import StoreError
from prober.fleet.store.address import read_address
from prober.fleet.store.nkeys import from_seed, make_seed, read_credentials
from prober.fleet.store.subjects import key_from, name_from, subject_of, token

#: A pair as NATS' own tool writes it (the example in its documentation of NKeys).
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def creds(jwt: str, seed: str) -> str:
    head = f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n** notes **\n\n"
    return f"{head}-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"


def test_a_key_is_the_one_that_others_make_of_the_seed(tmp_path: Path) -> None:
    found = read_credentials(write(tmp_path / "seed", SEED))
    assert found.public_key == PUBLIC
    assert found.jwt is None
    VerifyKey(bytes(found.signing.verify_key)).verify(b"nonce", base64.b64decode(found.sign("nonce")))


def test_a_made_seed_can_be_read_and_is_another_each_time(tmp_path: Path) -> None:
    seeds = {make_seed() for _ in range(20)}
    assert len(seeds) == 20
    for seed in seeds:
        assert len(seed) == 58 and seed.startswith("SU")
        assert read_credentials(write(tmp_path / "seed", f"\n{seed}\r\n")).public_key.startswith("U")


def test_a_file_of_nsc_has_a_token_too(tmp_path: Path) -> None:
    found = read_credentials(write(tmp_path / "a.creds", creds("eyJ0.eyJq.c2ln-_", SEED)))
    assert found.public_key == PUBLIC
    assert found.jwt == b"eyJ0.eyJq.c2ln-_"


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    found = read_credentials(write(tmp_path / "a.creds", creds("eyJ0.eyJq.c2ln", SEED)))
    assert SEED[5:] not in repr(found) and "eyJ0" not in repr(found)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620, 0o777])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(StoreError, match=f"others may use it .its mode is {mode:04o}") as caught:
        read_credentials(write(tmp_path / "seed", SEED, mode))
    assert caught.value.hint.startswith("chmod 0600")
    assert SEED not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no credentials"),
        ("SU", "no credentials"),
        (PUBLIC, "no credentials"),
        (creds("", SEED), "no credentials"),
        (creds("eyJ0.eyJq.c2ln", "SUABC"), "cannot be used"),
        (SEED[:-1] + "A", "mistyped"),
        (SEED.replace("SUA", "SUB"), "mistyped"),
        ("\0" * 70000, "no credentials"),
    ],
)
def test_a_file_that_holds_none_is_told_of(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(StoreError, match=word) as caught:
        read_credentials(write(tmp_path / "seed", text))
    assert caught.value.hint


def test_what_is_no_file_is_told_of_and_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name, word in (("fifo", "no file"), ("nothing", "cannot be read"), (".", "no file")):
        with pytest.raises(StoreError, match=word):
            read_credentials(tmp_path / name)


def test_a_seed_of_another_kind_is_none() -> None:
    account = base64.b32encode(bytes([18 << 3, 0]) + b"x" * 32 + b"xx").decode()
    with pytest.raises(ValueError, match="mistyped"):
        from_seed(account.rstrip("="))


@given(st.text(string.ascii_letters + string.digits + "= \n", max_size=80))
def test_no_text_but_a_seed_is_one(text: str) -> None:
    with pytest.raises(ValueError):
        from_seed(text)


def test_addresses_are_read() -> None:
    assert read_address("nats://127.0.0.1").servers == ("nats://127.0.0.1:4222",)
    assert read_address("nats://a:1,b,[::1]:7").servers == ("nats://a:1", "nats://b:4222", "nats://[::1]:7")
    assert read_address("nats://a").tls is None
    secure = read_address("tls://a:1")
    assert secure.servers == ("tls://a:1",)
    assert secure.tls is not None and secure.tls.check_hostname


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("nats://", "no address"),
        ("nats://a:x", "no address"),
        ("nats://a:99999", "no address"),
        ("nats://[", "no address"),
        ("nats://a,[::1", "no address"),
        ("nats://a]:1", "no address"),
        ("nats:a", "no address"),
        ("nats://a,", "no address"),
        ("nats://a/b", "no address"),
        ("nats://" + ",".join(["a"] * 33), "no address"),
        ("ws://a", "no address"),
        ("nats://me:secret@a", "no user and no password"),
        ("nats://a?ca=/x", "for tls"),
        ("tls://a?verify=no", "no option 'verify'"),
        ("tls://a?ca=/nowhere", "cannot be read"),
    ],
)
def test_what_is_no_address_is_refused(url: str, word: str) -> None:
    with pytest.raises(StoreError, match=word) as caught:
        read_address(url)
    assert "secret" not in str(caught.value)


def test_the_key_of_a_certificate_is_its_users_alone(tmp_path: Path) -> None:
    key = write(tmp_path / "key.pem", "x", 0o644)
    with pytest.raises(StoreError, match="others may use it"):
        read_address(f"tls://a?cert={tmp_path}/cert.pem&key={key}")


@given(st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,60}[A-Za-z0-9])?", fullmatch=True))
def test_a_name_is_one_token_of_a_subject_and_comes_back(name: str) -> None:
    assert not set(token(name)) & set(".*> ")
    assert name_from(token(name)) == name
    assert key_from(subject_of("hosts", name)) == f"hosts.{name}"


@given(st.text(string.printable, max_size=40))
def test_no_subject_of_others_is_a_key(subject: str) -> None:
    assert key_from(subject) is None
    found = key_from(f"$KV.fleet.hosts.{subject}")
    assert found is None or subject_of("hosts", found.removeprefix("hosts.")).endswith(subject.replace(".", "="))

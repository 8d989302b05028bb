"""What stands in for the objects of a line."""

from __future__ import annotations

import pytest

from tests.unit.proof.ready import THEIRS, made_ready, parts_left_out, started

_IV = "AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.mark.parametrize(
    ("line", "comes_to"),
    [
        ("memory-backend-ram,id=m,size=1G,prealloc=on,policy=bind,host-nodes=0,host-nodes=1,share=on",
         "memory-backend-ram,id=m,size=1G,share=on"),
        ("memory-backend-ram,id=m,size=1G,prealloc=off,policy=bind",
         "memory-backend-ram,id=m,size=1G,prealloc=off,policy=bind"),
        ("memory-backend-ram,id=m,size=1G,host-nodes=0", "memory-backend-ram,id=m,size=1G,host-nodes=0"),
        ("memory-backend-memfd,id=m,size=1G,hugetlb=on,hugetlbsize=2M",
         "memory-backend-memfd,id=m,size=1G,hugetlbsize=2M"),
        ("memory-backend-file,id=m,size=1G,mem-path=/dev/hugepages,align=2M",
         "memory-backend-file,id=m,size=1G,mem-path=/stand-in/0-hugepages,align=2M"),
        ("rng-random,id=r,filename=/dev/hwrng", "rng-random,id=r,filename=/dev/urandom"),
        ("rng-random,id=r,filename=/dev/random", "rng-random,id=r,filename=/dev/random"),
        ("secret,id=s,file=/etc/s", "secret,id=s,data=stand-in"),
        ("secret,id=s,data=YQ==,format=base64", "secret,id=s,data=c3RhbmQtaW4=,format=base64"),
        ("secret,id=s,data=a!,format=base64", "secret,id=s,data=a!,format=base64"),
        ("secret,id=s,data=a,file=/b", "secret,id=s,data=a,file=/b"),
        ("secret,id=s", "secret,id=s"),
        ("secret,id=s,data=YQ==,keyid=gone,iv=" + _IV, "secret,id=s,data=YQ==,keyid=gone,iv=" + _IV),
        ("secret_keyring,id=s,serial=1,nosuch=1", "secret,id=s,nosuch=1,data=stand-in"),
        ("tls-creds-x509,id=t,dir=/etc/pki,endpoint=server", "tls-creds-x509,id=t,dir=/stand-in,endpoint=server"),
        ("authz-list,id=a,policy=deny", "authz-list,id=a,policy=deny"),
        ("filter-dump,id=f,netdev=n,file=/tmp/x.pcap", "filter-dump,id=f,netdev=n,file=/stand-in/0-x.pcap"),
        ("""'{"qom-type":"memory-backend-ram","id":"m","size":1,"policy":"bind","host-nodes":[0,1],"prealloc":true}'""",
         '{"qom-type":"memory-backend-ram","id":"m","size":1}'),
        ("""'{"qom-type":"thread-context","id":"t","cpu-affinity":[1]}'""", '{"qom-type":"thread-context","id":"t"}'),
    ],
)  # fmt: skip
def test_an_object_keeps_what_is_not_the_hosts(line: str, comes_to: str) -> None:
    assert started(f"-object {line}", "7.2") == f"-object {comes_to}"


def test_what_is_encrypted_with_a_key_of_the_line_is_plain() -> None:
    line = f"-object secret,id=k,file=/k -object secret,id=s,data=YQ==,keyid=k,iv={_IV},format=base64"
    assert started(line) == "-object secret,id=k,data=stand-in -object secret,id=s,data=c3RhbmQtaW4=,format=base64"


@pytest.mark.parametrize("vector", ["", "!", "AAAA"])
def test_a_vector_that_qemu_would_refuse_stays(vector: str) -> None:
    line = f"-object secret,id=s,data=YQ==,keyid=k,iv={vector},format=base64"
    assert started(f"-object secret,id=k,data=x {line}").endswith(line)


def test_the_certificates_are_there_for_both_ends_and_once() -> None:
    line = " ".join(f"-object tls-creds-x509,id=t{end},dir=/etc/pki,endpoint={end}" for end in ("server", "client"))
    names = ["ca-cert.pem", "server-cert.pem", "server-key.pem", "client-cert.pem", "client-key.pem"]
    assert [file.name for file in made_ready(line).files] == names
    assert [file.name for file in made_ready(line, "5.2").files] == [*names, "dh-params.pem"]


def test_each_name_of_a_client_has_a_key() -> None:
    line = " ".join(f"-object tls-creds-psk,id={user},dir=/etc,endpoint=client,username={user}" for user in ("a", "b"))
    (file,) = made_ready(line).files
    assert [text.partition(b":")[0] for text in file.content.splitlines()] == [b"a", b"b"]
    assert THEIRS in started(line)


def test_a_file_that_is_only_read_is_as_large_as_the_memory() -> None:
    (file,) = made_ready("-object memory-backend-file,id=m,size=2M,offset=4k,mem-path=/x,readonly=on").files
    assert (file.size, file.content) == (2 * 1024**2 + 4096, b"")


def test_what_is_nothing_without_the_host_goes_with_all_that_names_it() -> None:
    line = (
        "-object sev-guest,id=sev -machine q35,confidential-guest-support=sev -object iommufd,id=i"
        " -device vfio-pci,host=1:0.0,iommufd=i"
    )
    assert parts_left_out(line) == ["-object", "-object", "-device", "-machine confidential-guest-support"]
    assert started(line) == "-machine q35"

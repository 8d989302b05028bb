"""Capabilities in slices: each is small, together they are all, and nothing else is taken for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prober.capabilities import Capabilities
from prober.capabilities.gently import dump_gently, json_gently, load_gently
from prober.capabilities.slices import Assembly, SliceError, dump_slices, slices_of
from tests.conftest import aio
from tests.cost import processor_time
from tests.recordings import FIXTURES, load_recording

FILES = sorted(FIXTURES.glob("*.replies.xz"))


def capabilities_in(file: Path) -> Capabilities:
    return Capabilities.from_recording(load_recording(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_was_written_is_read(file: Path) -> None:
    whole = capabilities_in(file)
    read = aio(load_gently(aio(dump_gently(whole))))
    assert read == whole
    assert whole.schema_ is not None
    assert read.schema_ is not None
    assert list(read.schema_.entities()) == list(whole.schema_.entities())
    # The order counts too: the first accelerator, the first machine with an alias.
    for name in ("pool", "properties", "types", "families", "options", "listed", "accelerators"):
        assert list(getattr(read, name) or ()) == list(getattr(whole, name) or ())
    for name, accelerator in whole.accelerators.items():
        assert list(read.accelerators[name].machines or ()) == list(accelerator.machines or ())
        assert list(read.accelerators[name].cpu_models or ()) == list(accelerator.cpu_models or ())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_slice_takes_long(file: Path) -> None:
    """Of the whole, of which writing takes 6 ms and reading 15; on a busy machine all of it takes longer alike, so that
    it is their share which is looked at: 4 ms of 25."""
    whole = capabilities_in(file)
    steps = []
    for _ in range(3):
        assembly, pieces = Assembly(), dump_slices(whole)
        took = []
        while True:
            with processor_time() as writing:
                piece = next(pieces, None)
            if piece is None:
                break
            with processor_time() as reading:
                assembly.add(piece)
            took += [writing.seconds, reading.seconds]
        assembly.finish()
        steps.append((max(took), sum(took)))
    assert min(most / whole_s for most, whole_s in steps) < 0.16, steps


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_json_of_the_whole_is_that_of_the_model(file: Path) -> None:
    whole = capabilities_in(file)
    told, expected = json.loads(aio(json_gently(whole))), json.loads(whole.model_dump_json(by_alias=True))
    for one in (told, expected):
        one["commands"] = sorted(one["commands"])  # a set has no order
    assert told == expected


def test_slices_of_a_text_are_those_that_it_was_made_of() -> None:
    pieces = list(dump_slices(capabilities_in(FILES[0])))
    assert list(slices_of(b"\n".join(pieces))) == pieces
    assert list(slices_of(b"")) == []


WHOLE = b'version\n{"major":7,"minor":2,"micro":0,"package":""}\ntarget\n"x86_64"'


def test_least_that_can_be_known() -> None:
    read = aio(load_gently(WHOLE))
    assert (str(read.version), read.target, read.types, read.pool) == ("7.2.0", "x86_64", None, ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "is missing"),
        (b'target\n"x86_64"', "version of a binary is missing"),
        (WHOLE + b"\nnonsense\n1", "is no part"),
        (WHOLE + b"\naccelerators\n{}", "is no part"),
        (WHOLE + b"\naccelerators tcg nonsense\n{}", "is no part"),
        (WHOLE + b"\npool", "has another form"),
        (WHOLE + b"\npool\n{", "has another form"),
        (WHOLE + b'\npool\n[{"name":1}]', "has another form"),
        (WHOLE + b'\ntarget\n"x86_64"', "is there twice"),
        (WHOLE + b"\n\xff\n1", "is no part"),
        (WHOLE + b'\nschema_text\n"[]"', "is no part"),
        (WHOLE + b"\nschema\n[", "is not JSON"),
        (WHOLE + b"\nschema\n{}", "no entity"),
        (WHOLE + b'\nschema\n[{"name":1,"meta-type":"command"}]', "no entity"),
    ],
)
def test_what_is_no_slice_is_told(text: bytes, why: str) -> None:
    with pytest.raises(SliceError, match=why):
        aio(load_gently(text))


def test_an_accelerator_that_cannot_be_told_apart_is_not_written() -> None:
    whole = capabilities_in(FILES[0])
    strange = whole.model_copy(update={"accelerators": {"a b": whole.accelerator}})
    with pytest.raises(SliceError, match="'a b'"):
        list(dump_slices(strange))

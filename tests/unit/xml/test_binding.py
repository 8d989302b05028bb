"""Where the fields of an element stand, by other names."""

from __future__ import annotations

import pytest

from prober.commandline.refusal import Place
from prober.xml.binding import Places, PlacesBehind

OWN, SOURCE = Place(2, "/a"), Place(3, "/a/source")


def test_places_behind_other_names_are_those_of_the_fields() -> None:
    behind = PlacesBehind(Places(OWN, {"cache": (OWN, "cache"), "source": SOURCE}), {"cache": "cache", "aio": "io"})
    assert dict(behind) == {"cache": Place(2, "/a/@cache"), "aio": OWN}
    with pytest.raises(KeyError):
        behind["source"]


def test_others_beside_them_count_and_come_after() -> None:
    behind = PlacesBehind(Places(OWN), {"cache": "cache", "aio": "io"}).beside({"driver": SOURCE, "aio": SOURCE})
    assert list(behind.items()) == [("cache", OWN), ("aio", SOURCE), ("driver", SOURCE)]
    assert (len(behind), behind.get("no", SOURCE)) == (3, SOURCE)

"""The engine clamps by the sizes of its rows; the Omie room refuses by the sizes of its schema: they must agree."""

import pytest

from app.omie.schemas import SIZES
from app.sync.entities.clients import FIELDS
from app.sync.mappable import ALL

SIZED = [
    (row.omie, size)
    for row in (*FIELDS, *(row for row in ALL if row.entity == "clients"))
    if (size := getattr(row.by, "omie_size", None)) is not None
]


@pytest.mark.parametrize(("path", "size"), SIZED)
def test_a_row_clamps_to_what_the_schema_takes(path: str, size: int) -> None:
    assert SIZES[path] == size


def test_there_is_something_to_compare() -> None:
    assert ("razao_social", 60) in SIZED

"""The engine clamps by the sizes of its rows; the Omie room refuses by the sizes of its schema: they must agree."""

from typing import Any

import pytest

from app.omie.schemas import SIZES
from app.omie.schemas.orders import ORDER, ORDER_SIZES
from app.sync.entities.clients import FIELDS
from app.sync.mapping.mappable import ALL

SIZED = [
    (row.omie, size)
    for row in (*FIELDS, *(row for row in ALL if row.entity == "clients"))
    if (size := getattr(row.by, "omie_size", None)) is not None
]


@pytest.mark.parametrize(("path", "size"), SIZED)
def test_a_row_clamps_to_what_the_schema_takes(path: str, size: int) -> None:
    assert SIZES[path] == size


ORDER_PATHS = [
    (f"det.{path}" if row.line else path, getattr(row.by, "omie_size", None))
    for row in ALL
    if row.entity == "orders" and not row.read_only
    for path in (row.omie, row.simples)
    if path
]


@pytest.mark.parametrize(("path", "size"), ORDER_PATHS)
def test_what_may_be_mapped_into_an_order_is_taken_by_it(path: str, size: int | None) -> None:
    shape: Any = ORDER
    for name in path.split("."):
        shape = shape[name]
    assert shape is None or isinstance(shape, int), "a single value"
    assert size is None or size <= ORDER_SIZES.get(path, size)


def test_there_is_something_to_compare() -> None:
    assert ("razao_social", 60) in SIZED

"""Our own database away is no fault of the event: it comes back without spending an attempt."""

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.sync.reactions import database_away


class Trouble(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@pytest.mark.feature("F003")
@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, Trouble("")),
        PoolTimeout("no connection left"),
        ConnectionRefusedError(),
        DBAPIError("SELECT 1", {}, Trouble("53300")),
        DBAPIError("INSERT", {}, Trouble("40P01")),
        DBAPIError("SELECT 1", {}, Trouble("57P01")),
    ],
)
def test_the_database_was_the_trouble(error: BaseException) -> None:
    assert database_away(error)


@pytest.mark.feature("F003")
@pytest.mark.parametrize(
    "error",
    [IntegrityError("INSERT", {}, Trouble("23505")), ProgrammingError("x", {}, Trouble("42601")), KeyError("x")],
)
def test_anything_else_is_the_events_own(error: BaseException) -> None:
    assert not database_away(error)

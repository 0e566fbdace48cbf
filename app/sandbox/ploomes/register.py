"""Where the records of one set live: by key, and by Id in order, so that a keyset page touches only its own rows."""

from bisect import bisect_left, bisect_right
from typing import Any

from ..wire import Row


class Register(dict[Any, Row]):
    """Records by key, in order of creation.

    Ids grow with creation; the ordered view is kept between writes. A record is changed in place, never replaced.
    """

    _rows: list[Row] | None = None
    _ids: list[int] | None = None

    def __setitem__(self, key: Any, row: Row) -> None:
        if self._rows is not None and self._ids is not None:
            if key not in self and (not self._ids or row["Id"] > self._ids[-1]):
                self._rows.append(row)
                self._ids.append(row["Id"])
            else:
                self._rows = self._ids = None
        super().__setitem__(key, row)

    def __delitem__(self, key: Any) -> None:
        if self._rows is not None and self._ids is not None:
            place = bisect_left(self._ids, self[key]["Id"])
            del self._rows[place], self._ids[place]
        super().__delitem__(key)

    def ordered(self) -> list[Row]:
        """All records by Id; the list is the register's own: not to be changed, not to be kept."""
        if self._rows is None:
            self._rows = sorted(self.values(), key=lambda row: row["Id"])
            self._ids = [row["Id"] for row in self._rows]
        return self._rows

    def after(self, number: int) -> list[Row]:
        """The records with a greater Id, by Id."""
        rows = self.ordered()
        return rows[bisect_right(self._ids or [], number) :]

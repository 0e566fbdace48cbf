"""Tables of spreadsheets: encodings, separators, and cells that look like formulas."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import UserError
from app.sync.desk import sheets

pytestmark = pytest.mark.feature("F109")
CELLS = st.text(st.characters(blacklist_characters="\r\n\x00", blacklist_categories=["Cs"]))
RISKY = st.text("'=+-@\t0 ,x")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_what_excel_saves_reads_as_it_was_typed(encoding: str) -> None:
    text = "omie_id;nome\n1;José “Café” – R$ 10\n"
    assert sheets.read(sheets.decoded(text.encode(encoding))).lines == [
        (2, {"omie_id": "1", "nome": "José “Café” – R$ 10"})
    ]


@pytest.mark.parametrize("content", ["omie_id;nome\n1;José\n".encode("utf-16"), b"a,b\n1,\x81\n", b"a,b\n1,\x00\n"])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(UserError) as refused:
        sheets.decoded(content)
    assert refused.value.status == 422


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(UserError):
        sheets.read('a,b\n1,"' + "x" * 200_000 + "\n")


def test_a_cell_beyond_the_end_of_its_line_is_no_empty_cell() -> None:
    assert sheets.read("a,b,c\n1,\n").lines == [(2, {"a": "1", "b": "", "c": None})]


def test_lines_are_numbered_as_a_spreadsheet_numbers_them() -> None:
    read = sheets.read('a;b\r\n\r\n;;\r\n1;"two\r\nlines"\r\n2;x\r\n').lines
    assert read == [(4, {"a": "1", "b": "two\r\nlines"}), (5, {"a": "2", "b": "x"})]
    assert sheets.read("").columns == sheets.read("\n\n").columns == []


def test_a_column_that_is_there_twice_refuses_the_table() -> None:
    with pytest.raises(UserError, match="omie_id"):
        sheets.read("omie_id,Peso, omie_id\n1,2,3\n")


def test_a_cell_without_a_column_refuses_the_table() -> None:
    with pytest.raises(UserError, match="Linha 3"):
        sheets.read("omie_id,Peso\n1,2\n123,1,5\n")
    assert sheets.read("a,b\n1,2,,\n").lines == [(2, {"a": "1", "b": "2"})]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("+55 11 91234", "'+55 11 91234"), ("-2+3", "'-2+3"), ("@x", "'@x"),
     ("-12.5", "-12.5"), ("D'Ávila", "D'Ávila"), ("'=1", "''=1")],
)  # fmt: skip
def test_no_spreadsheet_runs_a_cell(cell: str, shown: str) -> None:
    assert sheets.guarded(cell) == shown


@given(st.lists(CELLS | RISKY, min_size=1))
def test_a_table_comes_back_as_it_went(cells: list[str]) -> None:
    [read] = csv.reader(io.StringIO(sheets.line(cells)))
    assert [sheets.plain(cell) for cell in read] == cells

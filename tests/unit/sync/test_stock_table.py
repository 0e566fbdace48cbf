"""The stock table: both routes agree, numbers are Brazilian, names are escaped, nothing but a figure changes it."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from app.sync.config.document import Config, parse
from app.sync.passes.models import MAPPING, RECONCILE, REFRESH, Resync
from app.sync.stock.book import Whole, covers, is_ours
from app.sync.stock.models import StockLevel
from app.sync.stock.refresh import Reading, reading_of, reads_anew
from app.sync.stock.table import (
    COLUMNS,
    Figures,
    Place,
    digest,
    listed,
    position_in,
    rows_of,
    says_the_same,
    stamped,
    summed,
    table,
    text_in,
    unstamped,
)

DEPOT = Place("11", "Depósito <b>\"Sul\"</b> & 'filial'", "1")
SHOP = Place("12", "Balcão", "3")

LISTED = {
    "nCodProd": 7, "codigo_local_estoque": 11, "nSaldo": "8.5000", "fisico": 10.5, "reservado": 2, "nCMC": 1234.5,
    "nPendente": 3, "estoque_minimo": 9,
}  # fmt: skip
SUMMED = {
    "nIdProduto": 7,
    "listaEstoque": [
        {"nIdlocal": 11, "nDisponivel": 8.5, "nFisico": "10.50", "nReservado": 2, "nCMC": 1234.50,
         "nPrevisaoSaida": 3, "nEstoqueMinimo": 9, "cDescricaoLocal": "outro nome"},
    ],
}  # fmt: skip


class Reader(HTMLParser):
    """Cells of a table; fails on a tag that is not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.styles: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.styles += [value for name, value in attrs if name == "style"]
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def drawn(figures: dict[str, Figures], balance: str = "available", places: tuple[Place, ...] = (DEPOT, SHOP)) -> str:
    return table(rows_of(places, figures, balance))


@pytest.mark.feature("F144", "F145", "F138", "F142")
def test_the_page_route_and_the_single_route_agree() -> None:
    by_page = dict([listed(LISTED)])
    assert by_page == summed(SUMMED)
    assert drawn(by_page) == drawn(summed(SUMMED))


@pytest.mark.feature("F144")
def test_a_movement_with_a_figure_nobody_can_read_tells_none() -> None:
    assert position_in(LISTED) == listed(LISTED)
    for name in ("codigo_local_estoque", "nSaldo", "fisico", "nCMC", "nPendente", "estoque_minimo"):
        assert position_in({**LISTED, name: None}) is None, name
    for unreadable in ("", "12,5", "1.234,50", {}):
        assert position_in({**LISTED, "nSaldo": unreadable}) is None, unreadable
    assert position_in({**LISTED, "nSaldo": 0}) is not None


@pytest.mark.feature("F134", "F136", "F137", "F138", "F139", "F140", "F141", "F142", "F143")
def test_every_column_has_its_source_in_brazilian_numbers() -> None:
    read = Reader(drawn(summed(SUMMED)))
    assert read.cells[:8] == [column.title for column in COLUMNS]
    assert read.cells[8:16] == ["Sem estoque", "Balcão", "0", "–", "–", "0", "0", "De terceiros em nosso poder"]
    assert [cell.replace("\xa0", " ") for cell in read.cells[16:]] == [
        "Abaixo do mínimo", DEPOT.name, "8,5", "R$ 1.234,50", "R$ 10.493,25", "9", "3", "Próprio",
    ]  # fmt: skip
    physical = Reader(drawn(summed(SUMMED), "physical"))
    assert (physical.cells[16], physical.cells[18]) == ("Disponível", "10,5")


@pytest.mark.feature("F134")
@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"aspas\" & 'e' comercial", "&lt;já escapado&gt;", "x" * 500]
)
def test_names_are_text_whatever_they_hold(name: str) -> None:
    read = Reader(drawn({}, places=(Place("1", name, "9"),)))
    assert read.cells[9] == name
    assert read.cells[15] == "–"


@pytest.mark.feature("F138", "F136")
@pytest.mark.parametrize(
    ("saldo", "shown", "status"),
    [("-2.5", "-2,5", "Sem estoque"), (0, "0", "Sem estoque"), ("0.0001", "0,0001", "Disponível"),
     ("1234567.89", "1.234.567,89", "Disponível"), (None, "0", "Sem estoque"),
     ("-0.00001", "0", "Sem estoque"), ("0.00004", "0", "Sem estoque"), ("0.00005", "0,0001", "Disponível"),
     ("9" * 40, "9" * 1 + ".999" * 13, "Disponível")],
)  # fmt: skip
def test_zero_negative_and_fractional_figures(saldo: Any, shown: str, status: str) -> None:
    read = Reader(drawn(dict([listed({"codigo_local_estoque": 12, "nSaldo": saldo})]), places=(SHOP,)))
    assert (read.cells[8], read.cells[10]) == (status, shown)


@pytest.mark.feature("F138", "F140", "F141", "F142")
def test_what_rounding_leaves_has_no_sign() -> None:
    figures = {"nSaldo": "-0.00002", "nCMC": "3.333", "nPendente": "-0.00001", "estoque_minimo": "-0.00003"}
    read = Reader(drawn(dict([listed({"codigo_local_estoque": 12, **figures})]), places=(SHOP,)))
    assert [cell.replace("\xa0", " ") for cell in read.cells[8:15]] == [
        "Sem estoque", "Balcão", "0", "R$ 3,33", "R$ 0,00", "0", "0",
    ]  # fmt: skip
    negative = Reader(
        drawn(dict([listed({"codigo_local_estoque": 12, "nSaldo": 0, "nCMC": "-3.333"})]), places=(SHOP,))
    )
    assert negative.cells[12].replace("\xa0", " ") == "R$ 0,00"


@pytest.mark.feature("F146")
def test_the_stamp_is_the_last_change_and_no_change_itself() -> None:
    html = drawn(summed(SUMMED))
    at = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
    assert stamped(html, at).endswith("Última alteração: 25/11/2026 18:30:00</p>")
    assert digest(html) == digest(drawn(dict([listed(LISTED)])))
    assert digest(html) != digest(drawn(summed(SUMMED), "physical"))


def test_colours_are_those_of_the_page() -> None:
    styles = " ".join(Reader(drawn(summed(SUMMED))).styles)
    assert "#" not in styles
    assert "color:inherit" in styles
    assert "Nenhum local" in table([])


@pytest.mark.feature("F005", "F146")
def test_a_table_is_ours_while_ploomes_holds_what_it_answered() -> None:
    html = drawn(summed(SUMMED))
    text = stamped(html, datetime(2026, 11, 25, 18, 30, tzinfo=UTC))
    assert unstamped(text) == html
    level = StockLevel(shown=digest(html), held=digest(text + " "))  # Ploomes keeps it in a form of its own
    assert is_ours(level, text + " ")
    assert not is_ours(level, text)
    assert not is_ours(level, None)
    level.held = None  # written before we remembered what Ploomes answered
    assert is_ours(level, text)
    assert not is_ours(level, text.replace(">Balcão<", ">Meu balcão<"))
    level.shown = None
    assert is_ours(level, "o que uma pessoa digitou antes da primeira tabela")
    rows = [{"FieldKey": "a", "BigStringValue": "x"}, {"FieldKey": "b", "BigStringValue": text}]
    assert text_in({"OtherProperties": rows}, "b") == text
    assert text_in({}, "b") is None


@pytest.mark.feature("F005")
def test_html_in_another_form_says_the_same() -> None:
    html = drawn(summed(SUMMED))
    text = stamped(html, datetime(2026, 11, 25, 18, 30, tzinfo=UTC))
    later = stamped(html, datetime(2026, 11, 26, 9, 0, tzinfo=UTC))
    kept = text.replace(' style="', ' data-was="').replace("&#34;", "&quot;").replace("<td", "\n  <td")
    assert says_the_same(later, kept)
    assert not says_the_same(later, kept.replace(">8,5<", ">9,5<"))
    assert not says_the_same(later, html), "the moment of the last change is part of it"
    assert not says_the_same(later, None)


@pytest.mark.feature("F135", "F144", "F145")
def test_what_is_stored_tells_of_the_places_that_were_read() -> None:
    at = datetime(2026, 11, 25, 18, 30, 0, 123456, tzinfo=UTC)
    paged = StockLevel(read_at=at, asked={"summed": at.timestamp() - 60})
    own = StockLevel(read_at=at, asked={"summed": at.timestamp()})
    assert covers(paged, Whole(at, frozenset({"11", "12"})), [DEPOT, SHOP])
    assert not covers(paged, Whole(at, frozenset({"11"})), [DEPOT, SHOP])
    assert not covers(None, None, [DEPOT])
    assert covers(own, None, [DEPOT, SHOP]), "one product is told in every place there is"


@pytest.mark.feature("F025", "F149")
@pytest.mark.parametrize(
    ("reason", "imports", "stored", "reading"),
    [
        (REFRESH, False, True, Reading.WHOLE),
        (RECONCILE, True, True, Reading.WHOLE),
        (RECONCILE, False, True, Reading.MISSING),
        (RECONCILE, False, False, Reading.NOTHING),
        (MAPPING, True, True, Reading.MISSING),
        (MAPPING, True, False, Reading.WHOLE),
        (MAPPING, False, False, Reading.NOTHING),
    ],
)
def test_what_a_pass_reads_of_the_stock(reason: str, imports: bool, stored: bool, reading: Reading) -> None:
    config = parse({"stock": {"after_product_import": imports}})
    at = datetime(2026, 11, 25, tzinfo=UTC)
    row = Resync(reason=reason, started_at=at)
    before = Whole(datetime(2026, 11, 24, tzinfo=UTC), frozenset({"11"})) if stored else None
    assert reading_of(row, config, before) is reading
    assert reads_anew(row, config, before) is (reading is Reading.WHOLE)
    assert reads_anew(row, config, Whole(at, frozenset())) is (reading is Reading.WHOLE or reason == MAPPING)
    assert reading_of(row, parse({"entities": {"stock": False}}), before) is Reading.NOTHING
    assert reading_of(row, Config(), before) is reading_of(row, parse({}), before)

"""The table of mappable fields and its converters: every row keeps its value on the way there and back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import wire
from app.core.errors import UserError
from app.core.ports import Vendor
from app.sync.config.document import parse
from app.sync.entities.clients import FIELDS
from app.sync.mapping.canonical import canonical
from app.sync.mapping.canonical import wire as to_wire
from app.sync.mapping.catalogue import line_rows_of, rows_of
from app.sync.mapping.choices import LISTS, Choice, Option, choices_of, pair_choices, spellings
from app.sync.mapping.convert import canonical_day, canonical_decimal
from app.sync.mapping.decide import Policy, Sides, decide
from app.sync.mapping.fields import Field, MissingReference, Refs, Value
from app.sync.mapping.mappable import ALL, COLUMNS, Mappable, mappable

OMIE, PLOOMES = Vendor.OMIE, Vendor.PLOOMES
KEY = "field_00000000"
CODES = {"0": "Zero", "2": "Dois", "A1": "Letra"}
REFS = Refs(
    options={KEY: {"70": "0", "71": "2", "72": "A1", "73": None}},
    option_ids={KEY: {"0": "70", "2": "71", "A1": "72", "9": None}},
)

TYPICAL: dict[str, Value] = {
    "Texto simples": "12345-6",
    "Texto multilinha": "uma linha\noutra",
    "Opções pré-cadastradas": "2",
    "Checkbox": True,
    "Moeda": "1234.56",
    "Número com casas decimais ilimitadas": "0.0375",
    "Número inteiro": "90",
    "Data": "2026-12-10",
    "Porcentagem": "17.5",
}

EXTREME: dict[str, list[Value]] = {
    "Texto simples": ["ç" * 14, "0", "<b>&</b>"],
    "Texto multilinha": ["a" * 4000, "x\n\n\ny"],
    "Opções pré-cadastradas": ["0", "A1"],
    "Checkbox": [False],
    "Moeda": ["0.01", "999999999999.99", "-5"],
    "Número com casas decimais ilimitadas": ["0.00000000001", "123456789012345.123456789", "-1"],
    "Número inteiro": ["1", "2147483647"],
    "Data": ["1900-01-01", "2099-12-31"],
    "Porcentagem": ["0.0001", "100"],
}


def bound(row: Mappable) -> Field:
    return row.field(KEY, row.direction)


def carry(field: Field, vendor: Vendor, value: Value) -> Value:
    """A value written to a vendor in its own wire form, sent as JSON, and read again."""
    body = wire.loads(wire.dumps(to_wire(vendor, [field], {field.id: value}, None, REFS)))
    return canonical(vendor, [field], body, REFS)[field.id]


@pytest.mark.feature(
    "F201", "F202", "F203", "F204", "F205", "F206", "F207", "F208", "F209", "F210", "F211", "F212",
    "F213", "F214", "F215", "F216", "F217", "F218", "F219", "F220", "F221", "F222", "F223", "F224",
    "F225", "F226", "F227", "F228", "F229", "F230", "F231", "F232", "F233", "F234", "F235", "F236",
    "F237", "F238", "F239", "F240", "F241", "F242", "F243", "F244", "F245", "F246", "F247", "F248",
    "F249", "F250", "F251", "F252", "F253", "F254",
)  # fmt: skip
@pytest.mark.parametrize("row", ALL, ids=lambda row: row.key)
def test_a_row_keeps_typical_and_extreme_values_on_both_sides(row: Mappable) -> None:
    field = bound(row)
    for value in [TYPICAL[row.ploomes_type], *EXTREME[row.ploomes_type]]:
        narrow = field.by.narrow(value, REFS)
        wide = field.by.widen(narrow, None, REFS)
        assert carry(field, PLOOMES, wide) == wide
        assert carry(field, OMIE, narrow) == narrow
        assert field.agree(narrow, wide, REFS)


@pytest.mark.feature("F198")
@pytest.mark.parametrize("row", ALL, ids=lambda row: row.key)
def test_a_cleared_row_is_cleared_on_both_sides_and_then_agrees(row: Mappable) -> None:
    field = bound(row)
    if getattr(row.by, "shown", False):  # a total is never cleared: nothing is shown as 0
        assert field.by.widen(canonical(OMIE, [field], {}, REFS)[field.id], None, REFS) == "0"
        assert not field.agree("0", None, REFS)
        return
    in_omie, in_ploomes = carry(field, OMIE, None), carry(field, PLOOMES, None)
    assert in_ploomes in (None, False)
    assert field.agree(in_omie, in_ploomes, REFS) or field.by.widen(in_omie, in_ploomes, REFS) == in_ploomes
    assert field.agree(canonical(OMIE, [field], {}, REFS)[field.id], field.by.widen(in_omie, None, REFS), REFS) or (
        field.by.widen(None, None, REFS) == in_ploomes
    )


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.key)
def test_the_column_is_that_of_the_type(row: Mappable) -> None:
    field = bound(row)
    assert field.ploomes == f"@{KEY}:{COLUMNS[row.ploomes_type]}"


@pytest.mark.feature("F014", "F199")
def test_directions_become_masters_and_read_only_rows_never_go_to_omie() -> None:
    state = mappable("ClienteFornecedor.Inscrição Estadual")
    total = mappable("VendaProduto.Valor Total do Pedido")
    assert state is not None
    assert total is not None
    assert [state.field(KEY, d).direction for d in ("both", "to_ploomes", "to_omie")] == [
        "both",
        "to_ploomes",
        "to_omie",
    ]
    assert not total.field(KEY, "both").flows_to(OMIE)
    assert not state.field(KEY, "to_omie").flows_to(PLOOMES)


def test_the_rows_of_an_integration_are_the_fixed_ones_and_the_mapped_ones() -> None:
    config = parse(
        {
            "mappings": [
                {"omie": "ClienteFornecedor.Inscrição Estadual", "ploomes": "contact_a"},
                {"omie": "ClienteFornecedor.Característica.Porte", "ploomes": "contact_b"},
                {"omie": "VendaProduto.Item.Alíquota ICMS", "ploomes": "order_table_product_c"},
            ],
            "orders": {"tax_owner": "ploomes"},
        }
    )
    rows = rows_of("clients", config)
    assert rows[: len(FIELDS)] == FIELDS
    assert [row.id for row in rows[len(FIELDS) :]] == [
        "ClienteFornecedor.Inscrição Estadual=@contact_a:StringValue",
        "ClienteFornecedor.Característica.Porte=@contact_b:StringValue",
    ]
    assert all(row.fixed for row in rows_of("orders", config))
    assert [row.omie for row in line_rows_of("orders", config)] == ["imposto.icms.aliq_icms"]
    assert [row.omie for row in line_rows_of("orders", config, simples=True)] == ["imposto.icms_sn.aliq_icms_sn"]
    gone = Refs(gone_fields=frozenset({"contact_a"}))
    assert len(rows_of("clients", config, gone)) == len(FIELDS) + 1


def test_a_row_that_points_elsewhere_has_another_base() -> None:
    row = mappable("ClienteFornecedor.Inscrição Estadual")
    assert row is not None
    assert row.field("contact_a", "both").id != row.field("contact_b", "both").id
    assert row.field("contact_a", "both").id == row.field("contact_a", "to_omie").id


# --- options ---------------------------------------------------------------------------------------------------------

ACTIVITY = Field("k", "Atividade", "tipo", f"@{KEY}:IntegerValue", Option("activity_types", KEY), fixed=False)


@pytest.mark.feature("F204", "F255")
def test_options_are_paired_by_external_key_then_by_text_and_each_code_once() -> None:
    choices = [
        Choice("5", "Comércio", "2"),
        Choice("6", "2 - Indústria"),
        Choice("7", "serviço"),
        Choice("8", "Outra coisa"),
        Choice("9", "3"),
    ]
    names = {"1": "Serviço", "2": "Indústria", "3": "Banco"}
    assert pair_choices(choices, names) == {"5": "2", "7": "1", "9": "3"}


def test_every_text_is_a_code_of_an_open_list() -> None:
    assert pair_choices([Choice("5", "Acme"), Choice("6", "acme")], {}, any_text=True) == {"5": "Acme", "6": "acme"}


@pytest.mark.feature("F107")
def test_an_open_list_knows_its_options_however_they_are_spelt() -> None:
    choices = [Choice("5", "Acme"), Choice("6", "acme"), Choice("7", "Bela", "17")]
    paired = pair_choices(choices, {}, any_text=True)
    known = {**spellings(choices, paired), **{code: option for option, code in paired.items()}}
    brand, refs = Option("brands", KEY), Refs(options={KEY: paired}, option_ids={KEY: known})
    assert [brand.widen(text, None, refs) for text in ("acme", "ACME", "BÉLA", "17")] == ["acme", "Acme", "17", "17"]
    with pytest.raises(MissingReference):
        brand.widen("Nova", None, refs)


@pytest.mark.feature("F256")
def test_an_option_without_a_code_rests_and_never_empties_the_other_side() -> None:
    for omie, option, omie_base, ploomes_base in (
        ("2", "73", "2", "2"),  # a person chose an option of their own
        ("9", "71", "2", "2"),  # Omie got a code that no option stands for
        (None, "73", None, None),
    ):
        ploomes = ACTIVITY.read(PLOOMES, {"OtherProperties": [{"FieldKey": KEY, "IntegerValue": int(option)}]}, REFS)
        for bases in (({ACTIVITY.id: omie_base}, {ACTIVITY.id: ploomes_base}), ({}, {})):
            verdict = decide([ACTIVITY], Sides({ACTIVITY.id: omie}, {ACTIVITY.id: ploomes}, *bases), Policy(), REFS)
            assert not verdict.writes
            assert not verdict.agreed
            assert verdict.resting == {ACTIVITY.id}


def test_an_option_nobody_told_us_of_is_looked_up_first() -> None:
    with pytest.raises(MissingReference):
        ACTIVITY.read(PLOOMES, {"OtherProperties": [{"FieldKey": KEY, "IntegerValue": 99}]}, REFS)
    with pytest.raises(MissingReference):
        ACTIVITY.by.widen("77", None, REFS)


def test_a_table_as_ploomes_answers_it() -> None:
    field = {"OptionsTable": {"Options": [{"Id": 5, "Name": "Um", "ExternalKey": "1"}, {"Id": 6, "Name": "Dois"}]}}
    assert choices_of(field) == [Choice("5", "Um", "1"), Choice("6", "Dois", None)]
    assert choices_of({"OptionsTable": None}) == []


def test_every_option_row_names_a_list() -> None:
    named = {by.codes for row in ALL for by in (row.by, row.simples_by) if isinstance(by, Option)}
    assert named <= set(LISTS)


# --- properties of the converters ------------------------------------------------------------------------------------

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15)
days = st.dates().map(lambda day: day.isoformat())
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=300)


def values_for(row: Mappable) -> st.SearchStrategy[Any]:
    return {
        "Texto simples": texts,
        "Texto multilinha": texts,
        "Opções pré-cadastradas": st.sampled_from(["0", "2", "A1"]),
        "Checkbox": st.booleans(),
        "Moeda": numbers.map(canonical_decimal),
        "Número com casas decimais ilimitadas": numbers.map(canonical_decimal),
        "Número inteiro": st.integers(0, 2**31 - 1).map(str),
        "Data": st.dates(min_value=date(1900, 1, 1)).map(str),
        "Porcentagem": numbers.map(canonical_decimal),
    }[row.ploomes_type]


@given(st.data())
def test_whatever_a_person_types_in_ploomes_reaches_omie_once_and_stays(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(ALL))
    field = bound(row)
    typed = carry(field, PLOOMES, data.draw(values_for(row)))
    sent = field.by.narrow(typed, REFS)
    held = carry(field, OMIE, sent)
    sides = Sides({field.id: held}, {field.id: typed}, {field.id: held}, {field.id: typed})
    assert field.agree(held, typed, REFS) or field.by.widen(held, typed, REFS) == typed
    assert not decide([field], sides, Policy(), REFS).writes


@given(st.data())
def test_whatever_omie_holds_reaches_ploomes_once_and_stays(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(ALL))
    field = bound(row)
    held = carry(field, OMIE, field.by.narrow(data.draw(values_for(row)), REFS))
    shown = carry(field, PLOOMES, field.by.widen(held, None, REFS))
    first = decide([field], Sides({field.id: held}, {field.id: shown}, {}, {}), Policy(), REFS)
    assert not first.writes
    assert first.agreed == {field.id}


@given(numbers)
def test_decimals_are_exact_text(number: Decimal) -> None:
    text = canonical_decimal(number)
    assert text is not None
    assert Decimal(text) == number
    assert "E" not in text


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("10/12/2026", "2026-12-10"),
        ("2026-12-10", "2026-12-10"),
        ("2026-12-10T00:00:00-03:00", "2026-12-10"),
        ("2026-12-11T01:30:00+00:00", "2026-12-10"),
        ("2026-12-10T00:00:00", "2026-12-10"),
        ("2018-12-10T00:00:00-02:00", "2018-12-10"),
        ("31/02/2026", None),
        ("amanhã", None),
    ],
)
def test_days_are_brazilian_days(raw: str, day: str | None) -> None:
    assert canonical_day(raw) == day


@given(days)
def test_every_day_survives(day: str) -> None:
    assert canonical_day(f"{day}T00:00:00") == day


@pytest.mark.feature("F013", "F200")
def test_fixed_rows_are_everybodys_and_mapped_ones_only_of_who_maps_them() -> None:
    row = {"omie": "ClienteFornecedor.Contato", "ploomes": "contact_a"}
    plain, mapped = parse({}), parse({"mappings": [row]})
    for entity in ("clients", "products", "services", "orders"):
        assert rows_of(entity, plain) == rows_of(entity, mapped)[: len(rows_of(entity, plain))]
    assert rows_of("clients", plain) == FIELDS
    [extra] = rows_of("clients", mapped)[len(FIELDS) :]
    assert (extra.key, extra.fixed) == (row["omie"], False)
    with pytest.raises(UserError) as refused:  # a fixed row is nobody's to map elsewhere
        parse({"mappings": [{"omie": "clients.name", "ploomes": "contact_a"}]})
    assert "clients.name" in str(refused.value.errors)

"""Converters: canonical forms of both vendors and the way between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.convert import (
    Activity,
    Date,
    Document,
    Number,
    Owner,
    PersonType,
    Text,
    ZipCode,
    canonical_decimal,
    canonical_document,
    clean,
)
from app.sync.mapping.fields import MissingReference, Refs
from app.sync.mapping.phones import Phones
from app.sync.mapping.places import City, Country, State
from app.sync.mapping.tags import Tags, merge_tags

OMIE, PLOOMES = Vendor.OMIE, Vendor.PLOOMES


def refs() -> Refs:
    return Refs(
        sellers={"11": True, "12": False},
        users={"21": True, "22": True},
        user_of_seller={"11": "21"},
        seller_of_user={"21": "11"},
        statuses={"1": "ativo", "2": "inativo", "3": "prospect"},
        fax_types={"4"},
        phone_types={"comercial": "1", "fax": "4"},
        tag_names={"700": "VIP", "701": "Cliente"},
        tag_ids={"vip": "700", "cliente": "701"},
        states={"SP": "35", "RJ": "33"},
        city_ids={"3550308": "9668"},
        city_keys={"9668": "3550308"},
        omie_countries={"1058": "BR", "2496": "US"},
        ploomes_countries={"76": "BR", "840": "US"},
    )


@pytest.mark.feature("F055", "F056")
@pytest.mark.parametrize(
    ("typed", "document"),
    [
        ("11.222.333/0001-81", "11222333000181"),
        ("11222333000181", "11222333000181"),
        ("12.abc.345/01de-35", "12ABC34501DE35"),
        ("529.982.247-25", "52998224725"),
        ("11.222.333/0001-82", None),
        ("111.111.111-11", None),
        ("", None),
        (None, None),
        (11222333000181, "11222333000181"),
    ],
)
def test_a_document_is_its_digits_and_letters_when_the_check_digits_fit(typed: object, document: str | None) -> None:
    assert canonical_document(typed) == document


@pytest.mark.feature("F055", "F056")
def test_ploomes_may_hold_the_document_in_any_of_its_three_properties() -> None:
    assert Document().read(PLOOMES, {"Register": None, "CNPJ": "11.222.333/0001-81"}, "Register", refs()) == (
        "11222333000181"
    )


@pytest.mark.feature("F085")
def test_the_person_type_follows_the_document_in_omie_and_the_type_id_in_ploomes() -> None:
    assert PersonType().read(OMIE, {"cnpj_cpf": "529.982.247-25"}, "", refs()) == "person"
    assert PersonType().read(OMIE, {"cnpj_cpf": "11.222.333/0001-81"}, "", refs()) == "company"
    assert PersonType().read(PLOOMES, {"TypeId": 2}, "", refs()) == "person"


def test_text_loses_padding_and_entities_and_empty_is_nothing() -> None:
    assert clean("  Caf&eacute; &quot;Bom&quot;   ") == 'Café "Bom"'
    assert clean("   ") is None


def test_clearing_text_is_an_empty_string_in_omie_and_null_in_ploomes() -> None:
    assert Text().write(OMIE, None, "email", None, refs()) == {"email": ""}
    assert Text().write(PLOOMES, None, "Email", None, refs()) == {"Email": None}


def test_text_is_clamped_to_what_the_other_side_holds() -> None:
    assert Text(omie_size=5).narrow("abcd efgh", refs()) == "abcd"
    assert Text(ploomes_size=4).widen("abcdef", None, refs()) == "abcd"


@pytest.mark.feature("F065")
def test_a_cep_keeps_its_leading_zero_although_ploomes_loses_it() -> None:
    assert ZipCode().read(PLOOMES, {"ZipCode": 1310100}, "ZipCode", refs()) == "01310100"
    assert ZipCode().read(OMIE, {"cep": "01310-100"}, "cep", refs()) == "01310100"
    assert ZipCode().write(PLOOMES, "01310100", "ZipCode", None, refs()) == {"ZipCode": 1310100}
    assert ZipCode().write(OMIE, "01310100", "cep", None, refs()) == {"cep": "01310100"}


@pytest.mark.feature("F065")
def test_a_foreign_postcode_is_not_turned_into_a_cep() -> None:
    assert ZipCode().read(OMIE, {"cep": "SW1A 1AA"}, "cep", refs()) is None
    assert ZipCode().read(PLOOMES, {"ZipCode": "K1A 0B1"}, "ZipCode", refs()) is None


@pytest.mark.feature("F066", "F067", "F068")
def test_places() -> None:
    assert City().read(OMIE, {"cidade": "SAO PAULO (SP)", "cidade_ibge": "3550308"}, "cidade", refs()) == "3550308"
    assert City().read(OMIE, {"cidade": "Poços de Caldas (MG)"}, "cidade", refs()) == "POCOS DE CALDAS/MG"
    assert City().read(PLOOMES, {"CityId": 9668}, "CityId", refs()) == "3550308"
    assert City().write(PLOOMES, "3550308", "CityId", None, refs()) == {"CityId": 9668}
    assert City().write(OMIE, "3550308", "cidade", None, refs()) == {"cidade_ibge": "3550308"}
    assert City().write(OMIE, "SAO PAULO/SP", "cidade", None, refs()) == {"cidade": "SAO PAULO (SP)"}
    with pytest.raises(MissingReference):
        City().read(PLOOMES, {"CityId": 1}, "CityId", refs())
    with pytest.raises(MissingReference):
        City().widen("3304557", None, refs())
    assert State().read(PLOOMES, {"StateId": 35}, "StateId", refs()) == "SP"
    assert State().write(PLOOMES, "RJ", "StateId", None, refs()) == {"StateId": 33}
    assert Country().read(OMIE, {"codigo_pais": "1058"}, "codigo_pais", refs()) == "BR"
    assert Country().read(PLOOMES, {"CountryId": 840}, "CountryId", refs()) == "US"
    assert Country().write(OMIE, "US", "codigo_pais", None, refs()) == {"codigo_pais": "2496"}
    assert Country().write(PLOOMES, "BR", "CountryId", None, refs()) == {"CountryId": 76}


def phone(number: str, type_id: int = 1) -> JsonObject:
    return {"PhoneNumber": number, "TypeId": type_id, "CountryId": 76}


@pytest.mark.feature("F057", "F058", "F059", "F075", "F076")
def test_phones_fill_three_slots_and_only_a_fax_fills_the_fax() -> None:
    listed = Phones().read(
        PLOOMES,
        {
            "Phones": [
                phone("(11) 3000-0000"),
                phone("(11) 3000-0009", 4),
                phone("+55 11 98888-7777"),
                phone("1140041234"),
            ]
        },
        "Phones",
        refs(),
    )
    assert Phones().narrow(listed, refs()) == ["1130000000", "11988887777", "1130000009"]
    assert Phones().narrow(["1130000000", "1130000001", "1130000002"], refs()) == ["1130000000", "1130000001", ""]
    wire = Phones().write(OMIE, ["1130000000", "", "1130000009"], "", None, refs())
    assert wire == {
        "telefone1_ddd": "11", "telefone1_numero": "30000000", "telefone2_ddd": "", "telefone2_numero": "",
        "fax_ddd": "11", "fax_numero": "30000009",
    }  # fmt: skip
    assert Phones().read(OMIE, wire, "", refs()) == ["1130000000", "", "1130000009"]


@pytest.mark.feature("F057", "F075")
@pytest.mark.parametrize(
    ("typed", "digits", "shown"),
    [
        ("0800 123 4567", "08001234567", "0800 123 4567"),
        ("+55 0800 123 456", "0800123456", "0800 123 456"),
        ("0300-789-1234", "03007891234", "0300 789 1234"),
        ("0500 123 4567", "05001234567", "0500 123 4567"),
        ("0900 123 4567", "09001234567", "0900 123 4567"),
        ("0 11 3000-0000", "1130000000", "(11) 3000-0000"),
    ],
)
def test_a_number_without_area_code_keeps_its_zero(typed: str, digits: str, shown: str) -> None:
    assert Phones().read(PLOOMES, {"Phones": [phone(typed)]}, "Phones", refs()) == [digits]
    wire = Phones().write(OMIE, [digits, "", ""], "", None, refs())
    assert wire["telefone1_ddd"] == ("" if digits.startswith("0") else digits[:2])
    assert wire["telefone1_ddd"] + wire["telefone1_numero"] == digits
    assert Phones().read(OMIE, wire, "", refs()) == [digits, "", ""]
    assert Phones().write(PLOOMES, [digits], "Phones", None, refs())["Phones"][0]["PhoneNumber"] == shown


@pytest.mark.feature("F075")
def test_a_change_in_omie_keeps_the_phones_only_ploomes_has_and_the_text_people_gave_them() -> None:
    current = {"Phones": [phone("(11) 3000-0000"), phone("11 3000 0001", 2), phone("(11) 3000-0002"), phone("0800 11")]}
    held = Phones().read(PLOOMES, current, "Phones", refs())
    wanted = Phones().widen(["1139999999", "1130000001", ""], held, refs())
    assert wanted == ["1139999999", "1130000001", "1130000002", "080011"]
    rows = Phones().write(PLOOMES, wanted, "Phones", current, refs())["Phones"]
    assert rows[0]["PhoneNumber"] == "(11) 3999-9999"
    assert rows[1] == {"PhoneNumber": "11 3000 0001", "TypeId": 2, "CountryId": 76}
    assert rows[3]["PhoneNumber"] == "0800 11"


@pytest.mark.feature("F069", "F257")
def test_tags_are_a_set_of_names() -> None:
    assert Tags().read(OMIE, {"tags": [{"tag": "vip "}, {"tag": "VIP"}, {"tag": "Ouro"}]}, "tags", refs()) == [
        "Ouro",
        "vip",
    ]
    assert Tags().read(PLOOMES, {"Tags": [{"TagId": 700}]}, "Tags", refs()) == ["VIP"]
    assert Tags().write(PLOOMES, ["VIP"], "Tags", None, refs()) == {"Tags": [{"TagId": 700}]}
    with pytest.raises(MissingReference):
        Tags().widen(["Novo"], None, refs())


@pytest.mark.feature("F069")
def test_tags_merge_what_each_side_added_and_removed_and_roles_stay_in_omie() -> None:
    base = ["A", "B", "Cliente"]
    assert merge_tags(["A", "B", "C", "Cliente"], ["A", "D", "Cliente"], base, base) == (
        ["A", "C", "Cliente", "D"],
        ["A", "C", "Cliente", "D"],
    )
    for_omie, for_ploomes = merge_tags(["A", "Cliente"], ["A"], ["A", "Cliente"], ["A", "Cliente"])
    assert (for_omie, for_ploomes) == (["A", "Cliente"], ["A"])


@pytest.mark.feature("F069")
@given(*[st.lists(st.sampled_from("abcdef"), unique=True).map(sorted) for _ in range(3)])
def test_merged_tags_lose_no_addition_and_keep_no_removal(omie: list[str], ploomes: list[str], base: list[str]) -> None:
    for_omie, for_ploomes = merge_tags(omie, ploomes, base, base)
    merged = set(for_omie or ())
    assert merged == set(for_ploomes or ())
    assert (set(omie) | set(ploomes)) - set(base) <= merged
    assert not ((set(base) - set(omie)) | (set(base) - set(ploomes))) & merged


@pytest.mark.feature("F071", "F190", "F192", "F193")
def test_an_owner_is_paired_or_nothing() -> None:
    assert Owner().narrow("21", refs()) == "11"
    assert Owner().narrow("22", refs()) is None
    assert Owner().widen("11", None, refs()) == "21"
    assert Owner().widen("12", None, refs()) is None
    with pytest.raises(MissingReference):
        Owner().narrow("99", refs())
    assert (
        Owner().read(OMIE, {"recomendacoes": {"codigo_vendedor": 0}}, "recomendacoes.codigo_vendedor", refs()) is None
    )


@pytest.mark.feature("F072", "F077")
def test_any_status_but_inactive_is_active() -> None:
    assert Activity().read(PLOOMES, {"StatusId": 3}, "StatusId", refs()) is True
    assert Activity().read(PLOOMES, {"StatusId": 2}, "StatusId", refs()) is False
    assert Activity().read(OMIE, {"inativo": "S"}, "inativo", refs()) is False
    assert Activity().write(PLOOMES, False, "StatusId", None, refs()) == {"StatusId": 2}


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_a_decimal_survives_the_way_there_and_back_exactly(number: object) -> None:
    text = canonical_decimal(number)
    wire = Number().write(PLOOMES, text, "@key:DecimalValue", None, refs())
    assert Number().read(PLOOMES, wire, "@key:DecimalValue", refs()) == text


def test_dates_speak_each_vendors_form() -> None:
    assert Date().read(OMIE, {"d": "10/12/2026"}, "d", refs()) == "2026-12-10"
    assert Date().write(OMIE, "2026-12-10", "d", None, refs()) == {"d": "10/12/2026"}
    assert Date().read(PLOOMES, {"D": "2026-12-10T00:00:00-03:00"}, "D", refs()) == "2026-12-10"

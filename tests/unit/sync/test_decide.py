"""The decision table of design section 4."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.ports import Vendor
from app.sync.mapping.convert import Text
from app.sync.mapping.decide import Policy, Sides, Verdict, decide, fights
from app.sync.mapping.fields import Field, Master, Refs, Value, Values
from app.sync.mapping.tags import Tags

NAME = Field("name", "Nome", "n", "N", Text(omie_size=5))
MAIL = Field("mail", "E-mail", "m", "M", Text())
STREET = Field("street", "Rua", "s", "S", Text(), group="address")
NUMBER = Field("number", "Número", "x", "X", Text(), group="address")
STATUS = Field("status", "Status", "i", "I", Text(), master=Master.OMIE)
KIND = Field("kind", "Tipo", "k", "K", Text(), noted=True)
TAGS = Field("tags", "Tags", "t", "T", Tags())
ROWS = (NAME, MAIL, STREET, NUMBER, STATUS, KIND)


def verdict_of(
    omie: Values,
    ploomes: Values,
    omie_base: Values | None = None,
    ploomes_base: Values | None = None,
    policy: Policy | None = None,
    rows: tuple[Field, ...] = ROWS,
) -> Verdict:
    base = {row.id: None for row in rows}
    sides = Sides(base | omie, base | ploomes, base | (omie_base or {}), base | (ploomes_base or omie_base or {}))
    return decide(rows, sides, policy or Policy(), Refs())


def first(omie: Values, ploomes: Values, policy: Policy | None = None) -> Verdict:
    base = {row.id: None for row in ROWS}
    return decide(ROWS, Sides(base | omie, base | ploomes, {}, {}), policy or Policy(), Refs())


@pytest.mark.feature("F287")
def test_at_a_first_link_with_a_record_that_another_company_has_ploomes_wins_where_both_are_filled() -> None:
    omie, ploomes = {"mail": "ours", "name": "abc", "status": "on"}, {"mail": "theirs", "number": "7", "status": "off"}
    verdict = first(omie, ploomes, Policy(first=Vendor.PLOOMES))
    assert verdict.to_omie == {"mail": "theirs", "number": "7"}
    assert verdict.to_ploomes == {"name": "abc", "status": "on"}  # who masters a row is told apart


@pytest.mark.feature("F049", "F282")
def test_a_side_equal_to_its_own_half_has_not_changed_even_if_the_sides_differ() -> None:
    verdict = verdict_of({"name": "abcde"}, {"name": "abcdefgh"}, {"name": "abcde"}, {"name": "abcdefgh"})
    assert not verdict.writes


@pytest.mark.feature("F003", "F073")
def test_a_change_on_one_side_goes_to_the_other() -> None:
    assert verdict_of({"mail": "new"}, {"mail": "old"}, {"mail": "old"}).to_ploomes == {"mail": "new"}
    assert verdict_of({"mail": "old"}, {"mail": "new"}, {"mail": "old"}).to_omie == {"mail": "new"}
    assert verdict_of({"mail": None}, {"mail": "old"}, {"mail": "old"}).to_ploomes == {"mail": None}


def test_what_omie_cannot_hold_is_sent_in_the_form_it_can() -> None:
    assert verdict_of({"name": "x"}, {"name": "abcdefgh"}, {"name": "x"}).to_omie == {"name": "abcde"}


def test_both_changed_to_the_same_value_is_agreement() -> None:
    verdict = verdict_of({"mail": "new"}, {"mail": "new"}, {"mail": "old"})
    assert not verdict.writes
    assert "mail" in verdict.agreed


def test_disjoint_edits_merge() -> None:
    verdict = verdict_of({"mail": "new", "name": "a"}, {"mail": "old", "name": "b"}, {"mail": "old", "name": "a"})
    assert (verdict.to_ploomes, verdict.to_omie, verdict.lost) == ({"mail": "new"}, {"name": "b"}, {})


@pytest.mark.parametrize(
    ("policy", "winner"),
    [
        (Policy("omie"), "o"),
        (Policy("ploomes"), "p"),
        (Policy("newest", newest=Vendor.PLOOMES), "p"),
        (Policy("newest", newest=Vendor.OMIE), "o"),
        (Policy("omie", {"mail": "ploomes"}), "p"),
        (Policy("ask", answered={"mail": "omie"}), "o"),
    ],
)
def test_a_true_conflict_follows_its_policy_and_the_loser_is_kept(policy: Policy, winner: str) -> None:
    verdict = verdict_of({"mail": "o"}, {"mail": "p"}, {"mail": "base"}, policy=policy)
    written, loser = (verdict.to_ploomes, "ploomes") if winner == "o" else (verdict.to_omie, "omie")
    assert written == {"mail": winner}
    assert verdict.lost == {"mail": {"vendor": loser, "value": "p" if winner == "o" else "o"}}


def test_ask_writes_nothing_and_asks() -> None:
    verdict = verdict_of({"mail": "o", "name": "n"}, {"mail": "p"}, {"mail": "base"}, policy=Policy("ask"))
    assert verdict.asks == {"mail"}
    assert verdict.to_ploomes == {"name": "n"}


def test_an_address_is_one_field_for_conflicts() -> None:
    verdict = verdict_of(
        {"street": "A", "number": "1"},
        {"street": "B", "number": "2"},
        {"street": "x", "number": "1"},
        policy=Policy("omie"),
    )
    assert verdict.to_ploomes == {"street": "A", "number": "1"}
    assert not verdict.to_omie


@pytest.mark.feature("F078")
def test_the_master_puts_its_value_back() -> None:
    verdict = verdict_of({"status": "on"}, {"status": "off"}, {"status": "on"})
    assert verdict.to_ploomes == {"status": "on"}
    assert verdict.restored == {"status"}
    assert not verdict.to_omie


@pytest.mark.feature("F085")
def test_a_noted_difference_is_noted_once_and_never_applied() -> None:
    verdict = verdict_of({"kind": "person"}, {"kind": "company"}, {"kind": "company"})
    assert (verdict.noted, verdict.writes) == ({"kind"}, False)
    again = verdict_of({"kind": "person"}, {"kind": "company"}, {"kind": "person"}, {"kind": "company"})
    assert (again.noted, again.writes) == (set(), False)


def test_at_the_first_link_an_empty_side_is_filled_and_omie_wins_where_both_are_filled() -> None:
    verdict = first({"mail": "o", "name": "n", "status": "on"}, {"mail": "p", "street": "s", "status": None})
    assert verdict.to_ploomes == {"mail": "o", "name": "n", "status": "on"}
    assert verdict.to_omie == {"street": "s"}


@pytest.mark.feature("F069")
def test_tags_travel_both_ways_in_one_verdict() -> None:
    refs = Refs(tag_ids={"a": "1", "b": "2", "c": "3"})
    sides = Sides({"tags": ["a", "b"]}, {"tags": ["a", "c"]}, {"tags": ["a"]}, {"tags": ["a"]})
    verdict = decide((TAGS,), sides, Policy(), refs)
    assert verdict.to_omie == {"tags": ["a", "b", "c"]}
    assert verdict.to_ploomes == {"tags": ["a", "b", "c"]}


def test_a_row_that_points_elsewhere_has_a_base_of_its_own() -> None:
    mapped = replace(MAIL, fixed=False, ploomes="@contact_1:StringValue")
    moved = replace(MAIL, fixed=False, ploomes="@contact_2:StringValue")
    assert mapped.id != moved.id
    sides = Sides({moved.id: "o"}, {moved.id: None}, {mapped.id: "o"}, {mapped.id: "o"})
    assert decide((moved,), sides, Policy(), Refs()).to_ploomes == {moved.id: "o"}


def test_the_third_turn_back_to_an_earlier_value_is_a_fight() -> None:
    history = [(Vendor.PLOOMES, "a"), (Vendor.OMIE, "b")]
    assert fights(history, Vendor.PLOOMES, "a")
    assert not fights(history, Vendor.PLOOMES, "c")
    assert not fights(history[:1], Vendor.PLOOMES, "a")
    assert not fights([(Vendor.PLOOMES, "a"), (Vendor.PLOOMES, "b")], Vendor.PLOOMES, "a")


@pytest.mark.feature("F005")
def test_a_value_put_back_time_and_again_is_undone_by_an_automation() -> None:
    history = [(Vendor.PLOOMES, "a")] * 4
    assert fights(history, Vendor.PLOOMES, "a", restores=True)
    assert not fights(history, Vendor.PLOOMES, "a")
    assert not fights(history[1:], Vendor.PLOOMES, "a", restores=True)
    assert not fights([*history[1:], (Vendor.PLOOMES, "b")], Vendor.PLOOMES, "a", restores=True)
    assert fights([(Vendor.PLOOMES, ["a"])] * 4, Vendor.PLOOMES, ["a"], restores=True)


texts: st.SearchStrategy[Value] = st.sampled_from([None, "a", "b", "abcdef", "abcdeg"])


@given(texts, texts, texts, texts, st.sampled_from(["omie", "ploomes", "newest"]))
@settings(max_examples=500)
def test_after_its_own_writes_a_verdict_has_nothing_left_to_write(
    omie: Value, ploomes: Value, omie_base: Value, ploomes_base: Value, policy: str
) -> None:
    """Applied once, a verdict is stable: the pair is in agreement and our own echo moves nothing."""
    rows = (NAME,)
    sides = Sides({"name": omie}, {"name": ploomes}, {"name": omie_base}, {"name": ploomes_base})
    verdict = decide(rows, sides, Policy(policy), Refs())
    held_omie, held_ploomes = sides.omie | verdict.to_omie, sides.ploomes | verdict.to_ploomes
    touched = verdict.agreed | verdict.to_omie.keys() | verdict.to_ploomes.keys()
    after = Sides(
        held_omie,
        held_ploomes,
        sides.omie_base | {k: held_omie[k] for k in touched},
        sides.ploomes_base | {k: held_ploomes[k] for k in touched},
    )
    assert not decide(rows, after, Policy(policy), Refs()).writes

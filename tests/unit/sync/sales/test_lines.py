"""Lines and items keep each other across new line ids, edits, additions and removals."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sync.sales.lines import Item, Pair, blame, edited, follow, pair

ONE = Decimal(1)


def item(product: str, line_id: str | None = None, total: str = "1") -> Item:
    return Item(product, ONE, Decimal(total), Decimal(total), line_id)


products = st.lists(st.sampled_from("abc"), max_size=8)


@given(products, products)
def test_every_line_and_every_pair_is_used_at_most_once(before: list[str], after: list[str]) -> None:
    first = pair([], [item(p, f"old{i}") for i, p in enumerate(before)])
    again = pair(first.pairs, [item(p, f"new{i}") for i, p in enumerate(after)])
    assert len(again.items) == len(after)
    codes = [one.code for one in again.items]
    assert len(set(codes)) == len(codes)
    assert len(again.kept) + len(again.removed) == len(before)
    assert {one.code for one in again.added}.isdisjoint({p.code for p in first.pairs})
    for product in "abc":
        assert sum(one.product == product for one in again.kept) == min(before.count(product), after.count(product))


@given(products)
def test_new_ids_alone_change_nothing(before: list[str]) -> None:
    first = pair([], [item(p, f"old{i}") for i, p in enumerate(before)])
    again = pair(first.pairs, [item(p, f"new{i}") for i, p in enumerate(before)])
    assert [(one.code, one.product) for one in again.kept] == [(p.code, p.product) for p in first.pairs]
    assert not again.added
    assert not again.removed


@pytest.mark.feature("F168")
def test_the_line_that_kept_its_id_is_the_same_item_though_it_moved() -> None:
    stored = [Pair("1", "a", "l1", "i1"), Pair("2", "a", "l2", "i2")]
    paired = pair(stored, [item("a", "l2"), item("b", "l9")])
    assert [(one.code, one.item_id) for one in paired.kept] == [("2", "i2")]
    assert [one.code for one in paired.removed] == ["1"]
    assert [(one.code, one.product) for one in paired.added] == [("3", "b")]


def test_a_line_with_another_product_is_another_item_and_codes_sent_before_are_not_used_again() -> None:
    paired = pair([Pair("1", "a", "l1")], [item("b", "l1")], used=["7"])
    assert [one.code for one in paired.removed] == ["1"]
    assert [one.code for one in paired.added] == ["8"]


def sized(quantity: str, code: str | None = None, line_id: str | None = None) -> Item:
    return Item("a", Decimal(quantity), ONE, Decimal(quantity), line_id, code=code)


TWICE = [sized("2", "1"), sized("3", "2")]
"""One product on two items of a document."""


@pytest.mark.feature("F168")
@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize(("wanted", "sent"), [(("3", "3"), ["1"]), (("2", "2"), ["2"]), (("2", "3"), [])])
def test_an_item_is_compared_with_itself_and_not_with_another_of_its_product(
    wanted: tuple[str, str], sent: list[str], *, read: bool
) -> None:
    stored = [Pair(str(one.code), "a", f"l{one.code}", told=one.canonical) for one in TWICE]
    kept = pair(stored, [sized(text, line_id=f"l{at}") for at, text in enumerate(wanted, 1)]).kept
    found = edited(kept, stored, [one.canonical for one in TWICE], TWICE if read else None)
    assert [one.code for one in found] == sent


def test_items_that_people_changed_in_omie_are_all_sent_when_memory_does_not_tell_which_is_which() -> None:
    stored = [Pair("1", "a", "l1", told=sized("5").canonical), Pair("2", "a", "l2", told=sized("3").canonical)]
    kept = pair(stored, [sized("3", line_id="l1"), sized("3", line_id="l2")]).kept
    assert [one.code for one in edited(kept, stored, [one.canonical for one in TWICE], None)] == ["1", "2"]


def test_blame_names_only_what_differs() -> None:
    sent = pair([], [item("a", total="1"), item("b", total="2")]).items
    held = pair([], [item("a", total="1"), item("b", total="3"), item("c")]).items
    found = blame(sent, held)
    assert [(a and a.product, b and b.product) for a, b in found] == [("b", "b"), (None, "c")]


def test_pairs_follow_the_items_that_a_document_holds() -> None:
    stored = [Pair("1", "10", "l1", "901", "told"), Pair("2", "20", "l2", None, "told"), Pair("3", "30", "l3", "903")]
    held = [
        replace(item("10", "x"), item_id="901", code="1"),
        replace(item("20", "x"), item_id="902", code="2"),
        replace(item("40", "x"), item_id="904", code="904"),
    ]
    pairs, gone = follow(stored, held)
    assert pairs == [
        Pair("1", "10", "l1", "901", "told"),
        Pair("2", "20", "l2", "902", "told"),
        Pair("904", "40", None, "904"),
    ]
    assert gone == [stored[2]]
    again = pair(pairs, [item("40", "new1"), item("10", "new2"), item("20", "new3")])
    assert not again.added
    assert not again.removed

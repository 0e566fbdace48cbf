"""What sales, quotes and deals add to the generic write: lines, sections, numbers, stages (ploomes-api.md 3.4, 3.5)."""

from decimal import Decimal

from ..wire import Row
from .account import Account
from .faults import bad
from .schema import SETS, EntitySet
from .values import OWNER_COLUMN

#: Sets whose records hold lines under sections.
WITH_LINES = ("Orders", "Quotes")


def _named(account: Account, given: Row) -> None:
    """The names of the client and the person a sale, a quote or a deal carries itself."""
    for column, name in (("ContactId", "ContactName"), ("PersonId", "PersonName")):
        if column in given:
            contact = account.sets["Contacts"].get(given[column])
            given[name] = contact["Name"] if contact else None


def lined(account: Account, given: Row, row: Row | None) -> Row:
    """Lines under sections and flat ones are one list; a line of a new section carries its place until it is stored."""
    quirks = account.kernel.quirks
    _named(account, given)
    if given.get("Products") and quirks.ploomes_flat_products == "refused":
        raise bad("Informe os produtos dentro de 'Sections'.")
    sections = given.get("Sections")
    if sections is not None:
        lines = [
            {**line, "SectionId": -1 - place}
            for place, section in enumerate(sections)
            for line in section.pop("Products", [])
        ]
        given["Products"] = lines + given.get("Products", [])
    percent = quirks.ploomes_discount == "percent"
    return _recomputed(given, row, percent=percent) if quirks.ploomes_recompute else given


def _recomputed(given: Row, row: Row | None, *, percent: bool) -> Row:
    """Totals as a server would make them that does not trust what is sent."""
    lines = given.get("Products")
    if lines is None:
        return given
    for line in lines:
        gross = Decimal(line.get("Quantity") or 0) * Decimal(line.get("UnitPrice") or 0)
        line["Total"] = _discounted(gross, line.get("Discount"), percent=percent)
    total = sum((line["Total"] for line in lines), Decimal(0))
    discount = given["Discount"] if "Discount" in given else (row or {}).get("Discount")
    return {**given, "Amount": _discounted(total, discount, percent=percent)}


def _discounted(gross: Decimal, discount: Decimal | int | None, *, percent: bool) -> Decimal:
    return gross - (gross * Decimal(discount or 0) / 100 if percent else Decimal(discount or 0))


def settle_lines(account: Account, entity_set: EntitySet, row: Row, given: Row) -> None:
    """Every line belongs to a section, the flat ones to code 0, and knows its order (ploomes-api.md 3.4 and 8)."""
    columns = SETS[entity_set.children["Products"].target].props
    if "Products" in given:
        sections = {section["Id"]: section for section in row["Sections"]}
        by_place = [section["Id"] for section in row["Sections"]]
        for line in row["Products"]:
            place = line["SectionId"]
            if place is not None and -len(by_place) <= place < 0:
                line["SectionId"] = by_place[-1 - place]
            elif place not in sections:
                line["SectionId"] = _section_zero(account, entity_set, row)["Id"]
        if "Sections" not in given:
            used = {line["SectionId"] for line in row["Products"]}
            row["Sections"] = [s for s in row["Sections"] if s["Code"] == 0 or s["Id"] in used]
    for line in row["Products"]:
        line |= {name: row[column] for name, column in _LINE_COLUMNS.items() if name in columns}


_LINE_COLUMNS = {"OwnerId": "OwnerId", "OrderDate": "Date", "DealId": "DealId", "ContactId": "ContactId"}


def _section_zero(account: Account, entity_set: EntitySet, row: Row) -> Row:
    for section in row["Sections"]:
        if section["Code"] == 0:
            return section  # type: ignore[no-any-return]
    kind = SETS[entity_set.children["Sections"].target]
    made: Row = {prop.name: prop.default for prop in kind.props.values()} | {name: [] for name in kind.children}
    made |= {"Id": account.kernel.ploomes_id(), OWNER_COLUMN[entity_set.name]: row["Id"], "Code": 0}
    row["Sections"].insert(0, made)
    return made


def new_order(account: Account, row: Row, given: Row, _user_id: int) -> None:
    """The next number of the account, today's date."""
    own_account = next(iter(account.sets["Account"].values()))
    if given.get("OrderNumber") is None:
        given["OrderNumber"] = own_account["NextOrderNumber"]
    own_account["NextOrderNumber"] = max(own_account["NextOrderNumber"], given["OrderNumber"] + 1)
    if given.get("Date") is None:
        given["Date"] = account.now()


def new_quote(account: Account, row: Row, given: Row, _user_id: int) -> None:
    """The next number, the first review, today's date."""
    row["QuoteNumber"] = 1 + max((quote["QuoteNumber"] for quote in account.sets["Quotes"].values()), default=0)
    if given.get("Date") is None:
        given["Date"] = account.now()


def new_deal(account: Account, row: Row, given: Row, _user_id: int) -> None:
    """The next number, the first stage of the pipeline."""
    row["DealNumber"] = 1 + max((deal["DealNumber"] for deal in account.sets["Deals"].values()), default=0)
    if given.get("StageId") is None:
        stages = [
            stage
            for stage in account.sets["Deals@Stages"].values()
            if given.get("PipelineId") in (None, stage["PipelineId"])
        ]
        given["StageId"] = stages[0]["Id"] if stages else None
    if given.get("StartDate") is None:
        given["StartDate"] = account.now()


def deal(account: Account, given: Row, row: Row | None) -> Row:
    """The pipeline follows the stage."""
    _named(account, given)
    stage = account.sets["Deals@Stages"].get(given.get("StageId"))
    if stage is not None:
        given["PipelineId"] = stage["PipelineId"]
        if row is not None and row["StageId"] != stage["Id"]:
            given["LastStageId"] = row["StageId"]
    return given

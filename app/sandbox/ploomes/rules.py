"""What single sets add to the generic write (ploomes-api.md 3): documents, city, tags, fields, orders, webhooks."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from ..wire import Row
from . import sales, uniqueness, values
from .account import Account
from .faults import bad
from .schema import SETS, EntitySet, Nav

_PRODUCT_NAME_LIMIT = 200
_DOCUMENTS = ("CNPJ", "CPF", "Register")


def before_create(account: Account, entity_set: EntitySet, row: Row, given: Row, user_id: int) -> Row:
    """The given values completed for a new record; may set read-only columns on `row`. Raises Refusal."""
    _check_extra_required(account, entity_set, given)
    rule = _CREATE.get(entity_set.name)
    if rule is not None:
        rule(account, row, given, user_id)
    return _both(account, entity_set, given, None)


def before_change(account: Account, entity_set: EntitySet, row: Row, given: Row) -> Row:
    """The given values completed for a change of `row`; raises Refusal."""
    fixed = account.kernel.quirks.ploomes_contact_type == "fixed"
    if entity_set.name == "Contacts" and fixed and given.get("TypeId", row["TypeId"]) != row["TypeId"]:
        raise bad("O tipo do cliente não pode ser alterado.")
    if entity_set.name == "Fields":
        for name in ("EntityId", "TypeId"):
            if given.get(name, row[name]) != row[name]:
                raise bad(f"'{name}' de um campo não pode ser alterado.")
    return _both(account, entity_set, given, row)


def _both(account: Account, entity_set: EntitySet, given: Row, row: Row | None) -> Row:
    rule = _ALWAYS.get(entity_set.name)
    return rule(account, given, row) if rule is not None else given


def _check_extra_required(account: Account, entity_set: EntitySet, given: Row) -> None:
    quirks = account.kernel.quirks
    more = {"Contacts": quirks.ploomes_contact_required, "Orders": quirks.ploomes_order_required}
    for name in filter(None, more.get(entity_set.name, "").split(",")):
        if given.get(name) in (None, "", []):
            raise bad(f"O campo '{name}' é obrigatório.")


def check_required_fields(account: Account, entity_set: EntitySet, body: Row) -> None:
    """The form's rule: a required custom field needs a value; raises Refusal. The API does not have it by default."""
    given = {row.get("FieldKey") for row in body.get("OtherProperties") or [] if values.value_of(row) is not None}
    for field in account.sets["Fields"].values():
        wanted = field["Dynamic"] and field["Required"] and field["EntityId"] == entity_set.entity_id
        if wanted and field["Key"] not in given:
            raise bad(f"O campo '{field['Name']}' é obrigatório.")


# Contacts


def _contact(account: Account, given: Row, _row: Row | None) -> Row:
    given = _with_documents(given, account.kernel.quirks.ploomes_document_columns)
    return _with_place(account, given)


def _with_documents(given: Row, columns: str) -> Row:
    """Register, CNPJ and CPF are three views of one number, stored as given."""
    direct = [name for name in ("CNPJ", "CPF") if given.get(name)]
    if direct and columns == "refused":
        raise bad(f"A propriedade '{direct[0]}' é somente leitura.")
    if columns == "ignored":
        given = {name: value for name, value in given.items() if name not in ("CNPJ", "CPF")}
    written = next((name for name in reversed(_DOCUMENTS) if name in given), None)
    if written is None:
        return given
    text = given[written]
    bare = re.sub(r"[^0-9A-Za-z]", "", text or "")
    views = {"Register": text, "CNPJ": None, "CPF": None}
    if text and (written == "CNPJ" or (written == "Register" and len(bare) == 14)):
        views["CNPJ"] = text
    elif text and (written == "CPF" or (written == "Register" and len(bare) == 11)):
        views["CPF"] = text
    return {**given, **views}


def _with_place(account: Account, given: Row) -> Row:
    """State and country follow the city (ploomes-api.md 3.9)."""
    city = account.sets["Cities"].get(given.get("CityId"))
    if city is None:
        return given
    return {**given, "StateId": city["StateId"], "CountryId": city["CountryId"]}


def _new_contact(account: Account, row: Row, given: Row, _user_id: int) -> None:
    if given.get("TypeId") is None:
        given["TypeId"] = 1
    if given.get("StatusId") is None:
        open_statuses = [s for s in account.sets["Contacts@Status"].values() if not s["Discarded"]]
        given["StatusId"] = open_statuses[0]["Id"] if open_statuses else None


def applied(account: Account, entity_set: EntitySet, row: Row, given: Row) -> None:
    """What has to agree inside a record once its values and child rows are set."""
    if entity_set.name in sales.WITH_LINES:
        sales.settle_lines(account, entity_set, row, given)
    uniqueness.refuse_doubles(account, entity_set, row, given)


# Child rows


def child(account: Account, entity_set: EntitySet, nav: Nav, row: Row, made: Row, place: int) -> Row:
    """A child row completed after its own values were set; raises Refusal."""
    if nav.name == "Phones":
        made["ContactId"] = row["Id"]
        made["SearchPhoneNumber"] = int(re.sub(r"\D", "", made["PhoneNumber"]) or 0)
    elif nav.name == "Tags":
        if account.sets["Tags"][made["TagId"]]["EntityId"] != entity_set.entity_id:
            raise bad(f"O marcador {made['TagId']} não é desta entidade.")
    elif nav.name == "Products":
        product = account.sets["Products"][made["ProductId"]]
        made["ProductName"] = product["Name"]
        made["ProductCode"] = made["ProductCode"] or product["Code"]
        if made["Ordination"] is None:
            made["Ordination"] = place
    elif nav.name == "Sections" and made["Code"] is None:
        made["Code"] = place
    return made


# Other sets


def _product(_account: Account, given: Row, _row: Row | None) -> Row:
    if len(given.get("Name") or "") > _PRODUCT_NAME_LIMIT:
        raise bad(f"O nome do produto passa de {_PRODUCT_NAME_LIMIT} caracteres.")
    return given


def _new_field(account: Account, row: Row, given: Row, _user_id: int) -> None:
    entity = account.sets["Fields@Entities"].get(given["EntityId"])
    if entity is None:
        raise bad(f"A entidade {given['EntityId']} não existe.")
    prefix = FIELD_PREFIX.get(given["EntityId"], f"entity{given['EntityId']}")
    guid = uuid.UUID(int=account.kernel.random.getrandbits(128), version=4)
    row |= {"Key": f"{prefix}_{str(guid).upper()}", "Dynamic": True}
    if given["TypeId"] in account.sets["Fields@Types"]:
        row["PropertyName"] = values.COLUMNS[values.native_type(account, given)]


#: How custom keys begin (ploomes-api.md 3.7); quotes have no set here, but their fields do.
FIELD_PREFIX = {7: "quote", 14: "quote_product"} | {s.entity_id: s.prefix for s in SETS.values() if s.prefix}


def _new_user(account: Account, row: Row, given: Row, _user_id: int) -> None:
    if any(user["Email"].lower() == given["Email"].lower() for user in account.sets["Users"].values()):
        raise bad("Já existe um usuário com este e-mail.")
    row["UserKey"] = f"{account.kernel.random.getrandbits(160):040x}"


def _new_interaction(account: Account, row: Row, given: Row, _user_id: int) -> None:
    if given.get("Date") is None:
        given["Date"] = account.now()


def _webhook(account: Account, given: Row, row: Row | None) -> Row:
    if given.get("Active") and row is not None:
        account.failures.pop(row["Id"], None)
    return given


def _city(account: Account, given: Row, _row: Row | None) -> Row:
    state = account.sets["Cities@Countries@States"].get(given.get("StateId"))
    if state is not None and given.get("CountryId") is None:
        given["CountryId"] = state["CountryId"]
    return given


_CREATE: dict[str, Callable[[Account, Row, Row, int], None]] = {
    "Contacts": _new_contact,
    "Orders": sales.new_order,
    "Quotes": sales.new_quote,
    "Fields": _new_field,
    "Users": _new_user,
    "InteractionRecords": _new_interaction,
    "Deals": sales.new_deal,
}
_ALWAYS: dict[str, Callable[[Account, Row, Row | None], Row]] = {
    "Contacts": _contact,
    "Products": _product,
    **dict.fromkeys(sales.WITH_LINES, sales.lined),
    "Webhooks": _webhook,
    "Cities": _city,
    "Deals": sales.deal,
}


#: Rows that have no life without the record they hang on.
_OWNED = frozenset({"Attachments", "Comments", "Fields@OptionsTables@Options", "Deals@Stages", "Forms@Fields"})


def before_remove(account: Account, entity_set: EntitySet, row: Row, user_id: int) -> None:
    """Refuses what may not go and takes along what hangs on the record; raises Refusal."""
    from . import writes

    if row.get("Permanent"):
        raise bad(f"O campo '{row['Name']}' é do sistema e não pode ser excluído.")
    if entity_set.name == "Contacts":
        for person in _persons_to_remove(account, row):
            writes.remove(account, entity_set, person, user_id)
    for nav in entity_set.navs.values():
        if nav.how == "<" and nav.target in _OWNED:
            target = SETS[nav.target]
            for owned in [other[target.key] for other in account.many(row, nav)]:
                writes.remove(account, target, owned, user_id)


def _persons_to_remove(account: Account, row: Row) -> list[int]:
    """A company may take its persons along or be kept by them, by switch; raises Refusal."""
    reading = account.kernel.quirks.ploomes_company_delete
    if reading == "loosen":
        return []
    persons = [other["Id"] for other in account.sets["Contacts"].values() if other["CompanyId"] == row["Id"]]
    if persons and reading == "refused":
        raise bad("O cliente tem pessoas vinculadas e não pode ser excluído.")
    return persons


def after_remove(account: Account, entity_set: EntitySet, row: Row) -> None:
    """What goes with a deleted record beyond plain references."""
    _note_last(account, entity_set, row.get("ContactId"))
    if entity_set.name == "Fields":
        values.forget(account, field_key=row["Key"])
        forms = account.sets["Forms@Fields"]
        for key in [key for key, placed in forms.items() if placed["FieldKey"] in (None, row["Key"])]:
            del forms[key]
    elif entity_set.name == "Fields@OptionsTables@Options":
        values.forget(account, option_id=row["Id"])
    elif entity_set.name == "Webhooks":
        account.failures.pop(row["Id"], None)


#: What a client shows as its latest of.
_LAST = {"Orders": "LastOrderId", "Deals": "LastDealId", "InteractionRecords": "LastInteractionRecordId"}


def _note_last(account: Account, entity_set: EntitySet, contact_id: int | None, latest: int | None = None) -> None:
    contact, column = account.sets["Contacts"].get(contact_id), _LAST.get(entity_set.name)
    if contact is None or column is None:
        return
    if latest is None:
        rows = account.sets[entity_set.name].values()
        latest = max((row["Id"] for row in rows if row["ContactId"] == contact_id), default=None)
    contact[column] = latest


def after_create(account: Account, entity_set: EntitySet, row: Row, body: Row, user_id: int) -> None:
    """Nested parts of a body that make further records: a field's options table, a table's options."""
    from . import writes

    _note_last(account, entity_set, row.get("ContactId"), row["Id"])

    def make(name: str, given: Any) -> Row:
        return writes.create(account, SETS[name], given, user_id)

    if entity_set.name == "Fields" and isinstance(body.get("OptionsTable"), dict):
        row["OptionsTableId"] = make("Fields@OptionsTables", {"Name": row["Name"], **body["OptionsTable"]})["Id"]
    elif entity_set.name == "Fields@OptionsTables":
        for option in body.get("Options") or []:
            make("Fields@OptionsTables@Options", {**option, "TableId": row["Id"]})

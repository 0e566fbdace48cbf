"""Which Ploomes resource serves which set, and what is expanded: one row per set (reference 1 and 3). Data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.core.odata import all_of, any_of, custom_equal, equal, literal
from app.core.ports import Key

PAGE_SIZE = 300
"""More is cut silently (reference 1, paging)."""

IDS_PER_CALL = 50


@dataclass(frozen=True, slots=True)
class Set:
    """One resource. `key` is the property its records are addressed by."""

    path: str
    expand: str = ""
    key: str = "Id"
    text_key: bool = False
    """True when the key is text, quoted in addresses."""
    since: str | None = None
    """The property that moves with any change."""
    single: bool = False
    """True for a singleton: answered as a list of one, patched as `(0)`."""
    files: bool = False
    """True when a create is a file: `{"FileName", "ContentType", "Content": bytes}`."""
    verbs: frozenset[str] = frozenset()
    """Writes that Ploomes serves; none for what it only shows."""


WRITTEN = frozenset({"create", "update", "delete"})
KEPT = frozenset({"create", "update"})
"""Users cannot be deleted, only suspended (reference 3.6)."""

CONTACT_EXPAND = "Phones($expand=Type),Tags($expand=Tag),OtherProperties,City($expand=State),State,Country,Status,Owner"
ORDER_EXPAND = "Products($expand=Product,OtherProperties),OtherProperties,Stage"
MOVES = "LastUpdateDate"

SETS: Mapping[str, Set] = {
    "clients": Set("Contacts", CONTACT_EXPAND, since=MOVES, verbs=WRITTEN),
    "contact_types": Set("Contacts@Types"),
    "statuses": Set("Contacts@Status"),
    "origins": Set("Contacts@Origins"),
    "lines_of_business": Set("Contacts@LinesOfBusiness"),
    "relationships": Set("Contacts@Relationships"),
    "sizes": Set("Contacts@NumbersOfEmployees"),
    "phone_types": Set("PhoneTypes"),
    "tags": Set("Tags", verbs=WRITTEN),
    "products": Set("Products", "OtherProperties,Lists,Group,Family", since=MOVES, verbs=WRITTEN),
    "families": Set("Products@Families", verbs=WRITTEN),
    "groups": Set("Products@Groups", since=MOVES, verbs=WRITTEN),
    "product_lists": Set("Products@Lists", verbs=WRITTEN),
    "orders": Set("Orders", ORDER_EXPAND, since=MOVES, verbs=WRITTEN),
    "order_products": Set("Orders@Products", "Product,OtherProperties"),
    "quote_products": Set("Quotes@Products"),
    "product_parts": Set("Products@Parts"),
    "stages": Set("Orders@Stages", verbs=WRITTEN),
    "currencies": Set("Currencies"),
    "users": Set("Users", since=MOVES, verbs=KEPT),
    "self": Set("Self", single=True, verbs=frozenset({"update"})),
    "account": Set("Account", single=True, verbs=frozenset({"update"})),
    "account_integrations": Set("Account@Integrations", "Integration($expand=Fields)"),
    "cities": Set("Cities", "State,Country", since=MOVES, verbs=WRITTEN),
    "states": Set("Cities@Countries@States"),
    "countries": Set("Cities@Countries"),
    "entities": Set("Fields@Entities"),
    "fields": Set("Fields", "Type,OptionsTable($expand=Options)", key="Key", text_key=True, verbs=WRITTEN),
    "field_types": Set("Fields@Types"),
    "options_tables": Set("Fields@OptionsTables", "Options", verbs=WRITTEN),
    "options": Set("Fields@OptionsTables@Options", since=MOVES, verbs=WRITTEN),
    "forms": Set("Forms", "Fields($expand=Field)"),
    "form_fields": Set("Forms@Fields", verbs=WRITTEN),
    "interaction_records": Set("InteractionRecords", since=MOVES, verbs=WRITTEN),
    "attachments": Set("Attachments", verbs=frozenset({"create", "delete"}), files=True),
    "webhooks": Set("Webhooks", verbs=WRITTEN),
    "webhook_actions": Set("Webhooks@Actions"),
}
"""By the names the gateway is called with."""

PROPERTIES: Mapping[str, str] = {
    "email": "Email",
    "name": "Name",
    "code": "Code",
    "number": "OrderNumber",
    "integration_code": "Key",
    "ibge": "IBGECode",
    "uf": "Short",
    "external_key": "SendExternalKey",
    "entity_id": "EntityId",
    "state_id": "StateId",
    "country_id": "CountryId",
    "family_id": "FamilyId",
    "group_id": "GroupId",
    "company_id": "CompanyId",
    "contact_id": "ContactId",
    "stage_id": "StageId",
    "owner_id": "OwnerId",
    "order_id": "OrderId",
    "product_id": "ProductId",
    "table_id": "TableId",
    "content": "Content",
}
"""Natural keys and what narrows them -> property. A name with a capital letter is a property already."""

OWN_PROPERTIES: Mapping[tuple[str, str], str] = {("options", "external_key"): "ExternalKey"}
"""Where a set calls it differently."""

NUMBERS = frozenset({"IBGECode", "OrderNumber"})
"""Properties typed as numbers beside the ids."""

CONTAINED = frozenset({"Content"})
"""Long texts that are searched for a part of them."""

WITHIN_PATHS: Mapping[tuple[str, str], str] = {("cities", "uf"): "State/Short"}
"""Where narrowing means another property than searching."""

FOLDED = frozenset({"Email"})
"""Compared without regard to case, also by a server that minds it."""

DOCUMENT_PROPERTIES = ("Register", "CNPJ", "CPF")
"""One number, three views (reference 3.1)."""


def property_of(entity: str, name: str, *, within: bool = False) -> str | None:
    """The property a key name stands for, or None when there is none."""
    if within and (entity, name) in WITHIN_PATHS:
        return WITHIN_PATHS[entity, name]
    return name if name[:1].isupper() else OWN_PROPERTIES.get((entity, name), PROPERTIES.get(name))


def typed(path: str, value: str) -> object:
    """A key's text as the property is typed: ids and IBGE codes are numbers."""
    numeric = path.endswith("Id") or path in NUMBERS
    return int(value) if numeric and value.isascii() and value.isdigit() else value


def bare(document: object) -> str:
    """A document in capitals without mask."""
    return "".join(sign for sign in str(document or "").upper() if sign.isalnum())


def masked(document: str) -> str:
    """A document as people type it: CPF by its 11 signs, CNPJ by its 14; anything else as it is."""
    d = document
    if len(d) == 11:
        return f"{d[:3]}.{d[3:6]}.{d[6:9]}-{d[9:]}"
    if len(d) == 14:
        return f"{d[:2]}.{d[2:5]}.{d[5:8]}/{d[8:12]}-{d[12:]}"
    return d


def filter_of(entity: str, key: Key) -> str | None:
    """The filter that finds a natural key, or None when Ploomes has nothing to find it by."""
    if key.either is not None:
        parts = [filter_of(entity, replace(key, either=None)), filter_of(entity, key.either)]
        return any_of(*(f"({part})" for part in parts)) if None not in parts else None
    if key.name == "document":
        forms = dict.fromkeys((bare(key.value), masked(bare(key.value))))
        return any_of(*(equal(path, form) for path in DOCUMENT_PROPERTIES for form in forms))
    if key.name == "omie_id":
        return custom_equal(key.within["field"], "StringValue", key.value)
    path = property_of(entity, key.name)
    if path is None:
        return None
    if path in FOLDED:
        main = f"tolower({path}) eq {literal(key.value.lower())}"
    elif path in CONTAINED:
        main = f"contains({path},{literal(key.value)})"
    else:
        main = equal(path, typed(path, key.value))
    narrow = narrowing(entity, key.within)
    return None if narrow is None else all_of(main, narrow)


def narrowing(entity: str, within: Mapping[str, str]) -> str | None:
    """The filter that narrows a search or crawl, or None where Ploomes has nothing to narrow by."""
    filters = []
    for name, value in within.items():
        inside = property_of(entity, name, within=True)
        if inside is None:
            return None
        filters.append(equal(inside, typed(inside, value)))
    return all_of(*filters)

"""What entities share that only ever go from Omie to Ploomes, as products there. Data and pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.ports import JsonObject, Vendor
from app.sync.entities.rules import Condition, Facts, Held, Ignore, Wait, typed_id
from app.sync.mapping.convert import Text
from app.sync.mapping.decide import Sides, Verdict
from app.sync.mapping.fields import Field, Master, Refs, Values
from app.sync.mapping.goods import Family, Group, Marked, Price, Suspension

if TYPE_CHECKING:
    from app.sync.config.document import Config

USED_IN: Mapping[str, str] = {
    "order_products": "ProductId",
    "quote_products": "ProductId",
    "product_parts": "ProductPartId",
}
"""Lines of sales and of proposals, and parts of kits (Ploomes reference 3.3 to 3.5)."""
NAME_SIZE = 200
"""Characters of a name in Ploomes (reference 3.3)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Where Omie keeps what every kind of product has; `fields` are its rows, all with Omie as master."""

    entity: str
    family: str
    id: str
    code: str
    name: str
    group: str
    price: str
    inactive: str
    more: tuple[Field, ...] = ()

    def fields(self) -> tuple[Field, ...]:
        """The fixed rows."""
        entity, omie = self.entity, Master.OMIE
        return (
            Field("omie_id", "Id (Omie)", self.id, "@ponte_omie_id:StringValue", Text(), master=omie, entity=entity),
            Field("code", "Código", self.code, "Code", Text(), master=omie, entity=entity, features=("F097", "F114")),
            Field("name", "Descrição / Nome", self.name, "Name", Text(ploomes_size=NAME_SIZE), master=omie,
                  entity=entity, features=("F096", "F115")),
            Field("family", "Família do Ploomes", self.id, "FamilyId", Family(self.family), master=omie, entity=entity,
                  features=("F006", "F092")),
            Field("group", "Família / Grupo", self.group, "GroupId", Group(self.family), master=omie, entity=entity,
                  features=("F093", "F094", "F095", "F098")),
            Field("price", "Preço unitário / Valor unitário", self.price, "UnitPrice", Price(), master=omie,
                  entity=entity, ploomes_type="Moeda", features=("F099", "F121")),
            Field("active", "Ativo / Marcador", self.inactive, "Lists", Marked(), master=omie, entity=entity,
                  features=("F101",)),
            Field("suspended", "Inativo / Suspenso", self.inactive, "Suspended", Suspension(), master=omie,
                  entity=entity, ploomes_type="Checkbox", features=("F101", "F105")),
            *self.more,
        )  # fmt: skip


def qualify(vendor: Vendor, record: JsonObject, values: Values, config: "Config", refs: Refs) -> Wait | Ignore | None:
    """Every one of Omie's enters Ploomes; what Ploomes has beside them stays there, and the engine knows that."""
    return None


def other_id(vendor: Vendor, record: JsonObject, omie_id: str | None) -> str | None:
    """The field "Id (Omie)" in Ploomes; nothing of ours is ever written in Omie."""
    return typed_id(omie_id) if vendor is Vendor.PLOOMES else None


def new_in_omie(values: Values, config: "Config") -> Values:
    """Never asked: nothing is made there."""
    return values


def new_in_ploomes(values: Values, config: "Config") -> Values:
    """A new one waits suspended for a person to release it, where the configuration says so (F105)."""
    return values if config.products.create_active else {**values, "suspended": True}


def comparable(vendor: Vendor, values: Values, config: "Config") -> Values:
    """As they are: Omie alone decides. Where new ones wait for a person to release them, nobody knows of an active one
    whether it should be suspended (F105)."""
    if config.products.create_active or values.get("active") is False:
        return values
    return {**values, "suspended": None}


def withhold(vendor: Vendor, values: Values, refs: Refs) -> Sequence[Held]:
    """Nothing."""
    return ()


def suspends(sides: Sides, records: Sequence[JsonObject]) -> Wait | None:
    """Never."""
    return None


def adjust(verdict: Verdict, sides: Sides) -> Verdict:
    """Ploomes wants a name: an emptied one stays as it was."""
    if verdict.to_ploomes.get("name", "") is None:
        del verdict.to_ploomes["name"]
    return verdict


def duplicate(key: str, vendor: Vendor, taken_by: str) -> tuple[str, str]:
    """Codes may repeat: it is told nowhere, and a record of its own is made."""
    return "duplicate_code", f"O código {key} já pertence a outro registro vinculado ({vendor.label} {taken_by})."


def conditions(facts: Facts) -> Sequence[Condition]:
    """Whatever holds for all."""
    return ()

"""Products: Omie's produtos to Ploomes' products of the family Produtos, one way (F004-F006, F092-F105).

Data and pure rules. Ploomes lets codes repeat, so a code is matched inside the family only; a product that nobody gave
a family counts too.
"""

from collections.abc import Mapping, Sequence

from app.core.ports import JsonObject, Vendor
from app.sync.entities import one_way
from app.sync.mapping.convert import Text
from app.sync.mapping.fields import Field, Master, Refs, Values, carries_any
from app.sync.mapping.goods import PRODUCTS_FAMILY
from app.sync.stock.table import FIELD

ENTITY = "products"

FIELDS: tuple[Field, ...] = one_way.Rows(
    entity=ENTITY,
    family=PRODUCTS_FAMILY,
    id="codigo_produto",
    code="codigo",
    name="descricao",
    group="codigo_familia",
    price="valor_unitario",
    inactive="inativo",
    more=(
        Field(
            "unit",
            "Unidade / Unidade de medida",
            "unidade",
            "MeasurementUnit",
            Text(),
            master=Master.OMIE,
            entity=ENTITY,
            features=("F100", "F119"),
        ),
    ),
).fields()

SETS: Mapping[Vendor, str] = {Vendor.OMIE: "products", Vendor.PLOOMES: "products"}
SIBLINGS: Sequence[str] = ("services",)
CUSTOM_FIELDS = "products"
MASTER = Master.OMIE
KEY = "code"
KEY_IS_UNIQUE = False
INTEGRATION_CODE = "codigo_produto_integracao"
RETURNED: frozenset[str] = frozenset()
USED_IN = one_way.USED_IN
STOCK_FIELD: str | None = FIELD
INACTIVE: Values = {"active": False, "suspended": True}

qualify = one_way.qualify
other_id = one_way.other_id
new_in_omie = one_way.new_in_omie
new_in_ploomes = one_way.new_in_ploomes
comparable = one_way.comparable
withhold = one_way.withhold
suspends = one_way.suspends
adjust = one_way.adjust
duplicate = one_way.duplicate
conditions = one_way.conditions


def recognisable(vendor: Vendor, record: JsonObject, refs: Refs) -> bool:
    """In Ploomes the family tells; one without a family is taken for a product. Products are never shared."""
    family = record.get("FamilyId")
    if vendor is Vendor.PLOOMES and carries_any(record, refs.rival_keys):
        return False
    return vendor is Vendor.OMIE or not family or str(family) == refs.families.get(PRODUCTS_FAMILY)


def complete(vendor: Vendor, values: Values) -> Values:
    """Ploomes wants a name."""
    return {**values, "name": values.get("name") or values.get("code") or f"Produto {values.get('omie_id')}"}

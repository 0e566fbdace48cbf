"""Services: Omie's serviços to Ploomes' products of the family Serviços, one way (F006, F095, F130). Data and rules."""

from collections.abc import Mapping, Sequence

from app.core.ports import JsonObject, Vendor
from app.sync.entities import one_way
from app.sync.mapping.fields import Field, Master, Refs, Values, carries_any
from app.sync.mapping.goods import SERVICES_FAMILY

ENTITY = "services"

FIELDS: tuple[Field, ...] = one_way.Rows(
    entity=ENTITY,
    family=SERVICES_FAMILY,
    id="intListar.nCodServ",
    code="cabecalho.cCodigo",
    name="cabecalho.cDescricao",
    group="intListar.nCodServ",  # services know no family: any path that every answer has
    price="cabecalho.nPrecoUnit",
    inactive="info.inativo",
).fields()

SETS: Mapping[Vendor, str] = {Vendor.OMIE: "services", Vendor.PLOOMES: "products"}
SIBLINGS: Sequence[str] = ("products",)
CUSTOM_FIELDS = "products"
MASTER = Master.OMIE
KEY = "code"
KEY_IS_UNIQUE = False
INTEGRATION_CODE = "cCodIntServ"
RETURNED: frozenset[str] = frozenset()
USED_IN = one_way.USED_IN
STOCK_FIELD: str | None = None
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
    """In Ploomes the family tells. Services are never shared."""
    family = record.get("FamilyId")
    if vendor is Vendor.PLOOMES and carries_any(record, refs.rival_keys):
        return False
    return vendor is Vendor.OMIE or (bool(family) and str(family) == refs.families.get(SERVICES_FAMILY))


def complete(vendor: Vendor, values: Values) -> Values:
    """Ploomes wants a name."""
    return {**values, "name": values.get("name") or values.get("code") or f"Serviço {values.get('omie_id')}"}

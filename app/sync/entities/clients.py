"""Clients: Omie's clientes against Ploomes' contacts, both ways (F052-F091). Data and pure rules.

Sizes: Omie reference 3.1. What rows cannot say stands below them as pure functions over canonical values.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.core.ports import JsonObject, Vendor
from app.sync.config.scope import in_scope
from app.sync.entities.rules import CODE_PREFIX, Condition, Facts, Held, Ignore, Wait, typed_id
from app.sync.mapping.convert import Activity, Document, Owner, PersonType, Text, ZipCode, clean
from app.sync.mapping.decide import Sides, Verdict
from app.sync.mapping.fields import Field, Master, Refs, Value, Values
from app.sync.mapping.phones import Phones
from app.sync.mapping.places import City, Country, State, fold
from app.sync.mapping.tags import ROLE_TAGS, Tags

if TYPE_CHECKING:
    from app.sync.config.document import Config

ENTITY = "clients"
ADDRESS = "address"

FIELDS: tuple[Field, ...] = (
    Field(
        "omie_id",
        "Id (Omie)",
        "codigo_cliente_omie",
        "@ponte_omie_id:StringValue",
        Text(),
        master=Master.OMIE,
        entity=ENTITY,
    ),
    Field(
        "legal_name",
        "Razão Social",
        "razao_social",
        "LegalName",
        Text(omie_size=60),
        entity=ENTITY,
        features=("F052", "F081"),
    ),
    Field(
        "name",
        "Nome Fantasia",
        "nome_fantasia",
        "Name",
        Text(omie_size=100, ploomes_size=200),
        entity=ENTITY,
        features=("F053",),
    ),
    Field("document", "CNPJ/CPF", "cnpj_cpf", "Register", Document(), entity=ENTITY, features=("F055", "F056")),
    Field(
        "person_type",
        "Tipo de pessoa",
        "pessoa_fisica",
        "TypeId",
        PersonType(),
        entity=ENTITY,
        noted=True,
        features=("F085",),
    ),
    Field("email", "E-mail", "email", "Email", Text(omie_size=500), entity=ENTITY, features=("F054",)),
    Field("website", "Website", "homepage", "Website", Text(omie_size=100), entity=ENTITY, features=("F060",)),
    Field(
        "phones",
        "Telefone, Telefone 2 e Fax",
        "telefone1_numero",
        "Phones",
        Phones(),
        entity=ENTITY,
        features=("F057", "F058", "F059"),
    ),
    Field(
        "street",
        "Endereço",
        "endereco",
        "StreetAddress",
        Text(omie_size=60),
        group=ADDRESS,
        entity=ENTITY,
        features=("F061",),
    ),
    Field(
        "number",
        "Número",
        "endereco_numero",
        "StreetAddressNumber",
        Text(omie_size=60),
        group=ADDRESS,
        entity=ENTITY,
        features=("F063",),
    ),
    Field(
        "complement",
        "Complemento",
        "complemento",
        "StreetAddressLine2",
        Text(omie_size=60),
        group=ADDRESS,
        entity=ENTITY,
        features=("F062",),
    ),
    Field(
        "district",
        "Bairro",
        "bairro",
        "Neighborhood",
        Text(omie_size=60),
        group=ADDRESS,
        entity=ENTITY,
        features=("F064",),
    ),
    Field("zip_code", "CEP", "cep", "ZipCode", ZipCode(), group=ADDRESS, entity=ENTITY, features=("F065",)),
    Field("city", "Cidade", "cidade", "CityId", City(), group=ADDRESS, entity=ENTITY, features=("F066",)),
    Field("state", "Estado", "estado", "StateId", State(), group=ADDRESS, entity=ENTITY, features=("F067",)),
    Field("country", "País", "codigo_pais", "CountryId", Country(), group=ADDRESS, entity=ENTITY, features=("F068",)),
    Field("tags", "Tags / Marcadores", "tags", "Tags", Tags(), entity=ENTITY, features=("F069",)),
    Field("cnae", "Código CNAE", "cnae", "CNAECode", Text(omie_size=7), entity=ENTITY, features=("F070",)),
    Field(
        "owner",
        "Vendedor padrão / Responsável",
        "recomendacoes.codigo_vendedor",
        "OwnerId",
        Owner(),
        entity=ENTITY,
        features=("F071",),
    ),
    Field(
        "active",
        "Ativo / Status",
        "inativo",
        "StatusId",
        Activity(),
        master=Master.OMIE,
        entity=ENTITY,
        features=("F072", "F077", "F078"),
    ),
)

SETS: Mapping[Vendor, str] = {Vendor.OMIE: "clients", Vendor.PLOOMES: "clients"}
SIBLINGS: Sequence[str] = ()
CUSTOM_FIELDS = "contacts"
MASTER = Master.EITHER
KEY = "document"
KEY_IS_UNIQUE = True
INTEGRATION_CODE = "codigo_cliente_integracao"
RETURNED = frozenset({"omie_id", "country"})
USED_IN: Mapping[str, str] = {}
STOCK_FIELD: str | None = None
INACTIVE: Values = {"active": False}
CLIENT_ROLE = "Cliente"
DOCUMENT_CAUSES = ("missing_document", "invalid_document", "document_removed")


def qualify(vendor: Vendor, record: JsonObject, values: Values, config: "Config", refs: Refs) -> Wait | Ignore | None:
    """Whether a record without a link may enter the other side; None means yes (F082, design section 8)."""
    if _is_contact_person(vendor, record):
        reason = "Pessoa de contato de uma empresa: só é enviada quando uma venda a indica."
        return Ignore("contact_person", reason, unless_named=True)
    if vendor is Vendor.OMIE and fold(clean(record.get("razao_social")) or "") == "CLIENTE CONSUMIDOR":
        return Ignore("protected", "O cadastro “Cliente Consumidor” do Omie nunca é sincronizado.")
    if vendor is Vendor.OMIE and not _has_wanted_tag(record, config.clients.tags):
        return Ignore("out_of_scope", "O cliente não tem nenhuma das tags escolhidas na configuração.")
    if vendor is Vendor.PLOOMES and not in_scope(config.scope.clients, record, refs):
        return Ignore("out_of_scope", "Fora do escopo escolhido na configuração.")
    if values.get("document") is None and not _is_foreign(record, values):
        return _missing_document(record)
    return None


def recognisable(vendor: Vendor, record: JsonObject, refs: Refs) -> bool:
    """False for the contact persons of a company: they are no clients of their own."""
    return not _is_contact_person(vendor, record)


def other_id(vendor: Vendor, record: JsonObject, omie_id: str | None) -> str | None:
    """The id of the twin that the record itself carries: `PLOOMES-<id>` in Omie, the field "Id (Omie)" in Ploomes."""
    code = clean(record.get(INTEGRATION_CODE)) or ""
    carried = code.removeprefix(CODE_PREFIX) if code.startswith(CODE_PREFIX) else None
    if vendor is Vendor.PLOOMES:
        carried = omie_id
    return typed_id(carried)


def complete(vendor: Vendor, values: Values) -> Values:
    """What the receiving vendor demands and the other side may lack: each name stands in for the other (F081)."""
    name, legal_name = values.get("name"), values.get("legal_name")
    return (
        {**values, "legal_name": legal_name or name}
        if vendor is Vendor.OMIE
        else {**values, "name": name or legal_name}
    )


def new_in_omie(values: Values, config: "Config") -> Values:
    """A new client is active, has the role `Cliente`, lives in Brazil unless it says otherwise (Omie assumes so), and
    gets the default seller where its owner has none."""
    given = values.get("tags")
    names = list(given) if isinstance(given, list) else []
    if not any(name.casefold() == CLIENT_ROLE.casefold() for name in names):
        names.append(CLIENT_ROLE)
    owner = values.get("owner") or _default_seller(config)
    country = values.get("country") or "BR"
    tags = sorted(names, key=str.casefold)
    return {**values, "active": True, "omie_id": None, "owner": owner, "country": country, "tags": tags}


def new_in_ploomes(values: Values, config: "Config") -> Values:
    """Nothing beside its own values."""
    return values


def comparable(vendor: Vendor, values: Values, config: "Config") -> Values:
    """What a client has in Omie only because Omie demands it, or the configuration gives it, is no difference while
    Ploomes holds nothing: the legal name taken from the name, the default seller, and the roles among the tags, which
    are never removed there."""
    names = values.get("tags")
    tags = [name for name in names if name.casefold() not in ROLE_TAGS] if isinstance(names, list) else []
    same = {**values, "tags": tags or None, "owner": values.get("owner") or _default_seller(config)}
    return {**same, "legal_name": values.get("legal_name") or values.get("name")}


def _default_seller(config: "Config") -> str | None:
    default = config.sellers.default_seller
    return str(default) if default is not None else None


def withhold(vendor: Vendor, values: Values, refs: Refs) -> list[Held]:
    """An owner who is inactive in Omie (F087), and an activity that Ploomes has no status for."""
    seller, active = values.get("owner"), values.get("active")
    if vendor is Vendor.OMIE and seller and refs.sellers.get(str(seller)) is False:
        detail = f"O vendedor {seller}, ligado ao responsável no Ploomes, está inativo no Omie."
        return [Held("owner", "inactive_seller", detail, waits=True)]
    if vendor is Vendor.PLOOMES and "active" in values and Activity.status(active, refs) is None:
        name = "Ativo" if active else "Inativo"
        detail = f"O Ploomes não tem o status de cliente “{name}”; o status ficou como estava."
        return [Held("active", "missing_status", detail)]
    return []


def suspends(sides: Sides, records: Sequence[JsonObject]) -> Wait | None:
    """A valid document was removed on one side: nothing of this client is edited until it is back (F084)."""
    had = sides.omie_base.get("document") or sides.ploomes_base.get("document")
    foreign = any(_is_foreign(record, values) for values in (sides.omie, sides.ploomes) for record in ({}, *records))
    if not had or foreign or (sides.omie.get("document") and sides.ploomes.get("document")):
        return None
    return Wait(
        "document_removed",
        "O CNPJ/CPF foi removido: as edições deste cliente ficam suspensas até ele voltar a ser preenchido.",
    )


def adjust(verdict: Verdict, sides: Sides) -> Verdict:
    """What rows cannot say, on a verdict over a link.

    A person type that differs is never applied, so neither is the document that goes with it (F085). A legal name
    that Omie only has because Ploomes has none follows the name it was taken from (F081).
    """
    if sides.omie.get("person_type") != sides.ploomes.get("person_type"):
        for values in (verdict.to_omie, verdict.to_ploomes):
            values.pop("document", None)
    taken_from = _clamped(sides.ploomes_base.get("name"))
    derived = sides.omie_base.get("legal_name") == sides.omie.get("legal_name") == taken_from
    follows = "name" in verdict.to_omie and derived and sides.ploomes.get("legal_name") is None
    emptied = "legal_name" in verdict.to_omie and verdict.to_omie["legal_name"] is None
    if follows or emptied:
        verdict.to_omie["legal_name"] = _clamped(sides.ploomes.get("name"))
    return verdict


def duplicate(key: str, vendor: Vendor, taken_by: str) -> tuple[str, str]:
    """One document has one link."""
    text = f"O CNPJ/CPF {key} já pertence a outro cliente vinculado ({vendor.label} {taken_by})."
    return "duplicate_document", text


def conditions(facts: Facts) -> list[Condition]:
    """It is a client, has a document, and no inactive owner keeps it back."""
    found = [_document_condition(facts), _owner_condition(facts)]
    if facts.vendor is not Vendor.PLOOMES or facts.known is None:
        return found
    if _is_contact_person(facts.vendor, facts.known):
        return [
            Condition(
                "É um cliente", False, "É uma pessoa de contato de uma empresa, e não um cliente.",
                "Ela é enviada quando uma venda a indica como cliente.", "vendas",
            ),
            *found,
        ]  # fmt: skip
    return [Condition("É um cliente", True, "O registro é um cliente."), *found]


def _document_condition(facts: Facts) -> Condition:
    name = "CNPJ/CPF preenchido e válido"
    cause = next((cause for cause in DOCUMENT_CAUSES if cause in facts.waiting), None)
    if cause is not None:
        return Condition(
            name, False, facts.waiting[cause] or "O CNPJ/CPF falta ou é inválido.",
            "Preencha um CNPJ/CPF válido no cadastro; o envio acontece sozinho.", "vendas",
        )  # fmt: skip
    if facts.natural_key or any(side.get("document") for side in facts.sides.values()):
        return Condition(name, True, "O CNPJ/CPF está preenchido e é válido.")
    return Condition(name, True, "Nenhuma falta de CNPJ/CPF é conhecida.")


def _owner_condition(facts: Facts) -> Condition:
    name = "Responsável ativo no Omie"
    inactive = facts.inactive_sellers.get(str(facts.sides.get(Vendor.OMIE, {}).get("owner")))
    if inactive is None and "inactive_seller" in facts.waiting:
        inactive = "indicado"
    if inactive is None:
        return Condition(name, True, "Nenhum vendedor inativo impede este registro.")
    return Condition(
        name, False, f"O vendedor {inactive} está inativo no Omie.",
        "Reative o vendedor no Omie ou troque o responsável no Ploomes.", "admin",
    )  # fmt: skip


def _is_contact_person(vendor: Vendor, record: JsonObject) -> bool:
    return vendor is Vendor.PLOOMES and str(record.get("TypeId")) == "2" and bool(record.get("CompanyId"))


def _missing_document(record: JsonObject) -> Wait:
    raw = clean(record.get("cnpj_cpf") or record.get("Register") or record.get("CNPJ") or record.get("CPF"))
    if raw:
        return Wait("invalid_document", f"Aguardando um CNPJ/CPF válido: os dígitos de “{raw}” não conferem.")
    return Wait("missing_document", "Aguardando o CNPJ/CPF ser preenchido.")


def _is_foreign(record: JsonObject, values: Values) -> bool:
    """Foreign clients need no document (design section 8)."""
    return record.get("exterior") == "S" or values.get("country") not in (None, "BR")


def _has_wanted_tag(record: JsonObject, wanted: Sequence[str] | None) -> bool:
    names = {str(row.get("tag", "")).casefold() for row in record.get("tags") or ()}
    return wanted is None or bool(names & {tag.casefold() for tag in wanted})


def _clamped(name: Value) -> Value:
    return name[:60].rstrip() if isinstance(name, str) else name

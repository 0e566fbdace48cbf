"""Clients: Omie's clientes against Ploomes' contacts, both ways (F052-F091). Data and pure rules.

Sizes: Omie reference 3.1. What rows cannot say stands below them as pure functions over canonical values.
"""

from dataclasses import dataclass

from app.core.ports import JsonObject, Vendor
from app.sync.convert import Activity, Document, Owner, PersonType, Text, ZipCode, canonical_document, clean
from app.sync.decide import Sides, Verdict
from app.sync.fields import Field, Master, Value, Values
from app.sync.phones import Phones
from app.sync.places import City, Country, State, fold
from app.sync.tags import Tags

ENTITY = "clients"
ADDRESS = "address"

FIELDS = (
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

OMIE_LABEL = "PLOOMES-"


@dataclass(frozen=True, slots=True)
class Wait:
    """The record waits for data: a count and `why`, no issue."""

    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """The record is none of ours."""

    cause: str
    reason: str


def natural_key(vendor: Vendor, record: JsonObject) -> str | None:
    """The document a client is recognised by."""
    if vendor is Vendor.OMIE:
        return canonical_document(record.get("cnpj_cpf"))
    return next((d for f in ("Register", "CNPJ", "CPF") if (d := canonical_document(record.get(f)))), None)


def is_foreign(vendor: Vendor, record: JsonObject, values: Values) -> bool:
    """Foreign clients need no document (design section 8)."""
    if vendor is Vendor.OMIE and record.get("exterior") == "S":
        return True
    return values.get("country") not in (None, "BR")


def qualify(vendor: Vendor, record: JsonObject, values: Values, tags: list[str] | None) -> Wait | Ignore | None:
    """Whether a record without a link may enter the other side; None means yes. `tags` limits Omie's side."""
    if vendor is Vendor.PLOOMES and str(record.get("TypeId")) == "2" and record.get("CompanyId"):
        return Ignore("contact_person", "Pessoa de contato de uma empresa: só é enviada quando uma venda a indica.")
    if vendor is Vendor.OMIE and fold(clean(record.get("razao_social")) or "") == "CLIENTE CONSUMIDOR":
        return Ignore("protected", "O cadastro “Cliente Consumidor” do Omie nunca é sincronizado.")
    if vendor is Vendor.OMIE and tags is not None:
        names = {str(row.get("tag", "")).casefold() for row in record.get("tags") or ()}
        if not names & {t.casefold() for t in tags}:
            return Ignore("out_of_scope", "O cliente não tem nenhuma das tags escolhidas na configuração.")
    if values.get("document") is None and not is_foreign(vendor, record, values):
        return missing_document(record)
    return None


def missing_document(record: JsonObject) -> Wait:
    """Why a client without a usable document waits (F082)."""
    raw = clean(record.get("cnpj_cpf") or record.get("Register") or record.get("CNPJ") or record.get("CPF"))
    if raw:
        return Wait("invalid_document", f"Aguardando um CNPJ/CPF válido: os dígitos de “{raw}” não conferem.")
    return Wait("missing_document", "Aguardando o CNPJ/CPF ser preenchido.")


def other_id(vendor: Vendor, record: JsonObject, omie_id: str | None) -> str | None:
    """The id of the twin that the record itself carries: `PLOOMES-<id>` in Omie, the field "Id (Omie)" in Ploomes."""
    if vendor is Vendor.PLOOMES:
        return omie_id
    code = clean(record.get("codigo_cliente_integracao")) or ""
    return code.removeprefix(OMIE_LABEL) if code.startswith(OMIE_LABEL) else None


def suspended(sides: Sides, foreign: bool) -> bool:
    """A valid document was removed on one side: nothing of this client is edited until it is back (F084)."""
    had = sides.omie_base.get("document") or sides.ploomes_base.get("document")
    return bool(had) and not foreign and not (sides.omie.get("document") and sides.ploomes.get("document"))


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


def _clamped(name: Value) -> Value:
    return name[:60].rstrip() if isinstance(name, str) else name


def fill_for_omie(values: Values) -> Values:
    """What Omie demands and Ploomes does not: the legal name falls back to the name (F081)."""
    return {**values, "legal_name": values.get("legal_name") or values.get("name")}

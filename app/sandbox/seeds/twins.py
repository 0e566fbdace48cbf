"""A great many clients that are the same on both vendors, cheaply: for proofs that need two equal systems."""

from ..omie.company import Company
from ..ploomes import writes
from ..ploomes.account import Account
from ..ploomes.schema import SETS
from ..wire import Row
from .goods import crowd


def twins(company: Company, account: Account, count: int, field_key: str) -> None:
    """`count` new clients in Omie and the same as companies in Ploomes, each carrying its twin's id in the custom field
    `field_key`. Nothing is announced, as after an import on either side. Raises Refusal for an unknown field."""
    before = set(company.clients)
    crowd(company, count)
    user = next(iter(account.sets["Users"].values()))["Id"]
    status = _id(account, "Contacts@Status", Name="Ativo")
    city = next((row for row in account.sets["Cities"].values() if str(row["IBGECode"]) == "3550308"), None)
    tag = writes.create(account, SETS["Tags"], {"Name": "Cliente", "EntityId": 1}, user, webhooks=False)
    place: Row = {} if city is None else {"CityId": city["Id"], "StateId": city["StateId"], "CountryId": 76}
    for entry in [one for one in company.clients.values() if one.id not in before]:
        row = entry.row
        body = {
            "TypeId": 1,
            "Name": row["nome_fantasia"],
            "LegalName": row["razao_social"],
            "Register": row["cnpj_cpf"],
            "Email": row["email"],
            "StatusId": status,
            "Tags": [{"TagId": tag["Id"]}],
            "OtherProperties": [{"FieldKey": field_key, "StringValue": str(entry.id)}],
            **place,
        }
        writes.create(account, SETS["Contacts"], body, user, webhooks=False)


def _id(account: Account, name: str, **wanted: str) -> int:
    rows = account.sets[name].values()
    return int(next(row["Id"] for row in rows if all(row.get(key) == value for key, value in wanted.items())))

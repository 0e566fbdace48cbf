"""Snapshots of look-ups out of rows of known_records, and what an expanded record brings along. Pure."""

from app.core.ports import JsonObject
from app.sync.auxiliaries import CONTACT_TAGS
from app.sync.config.document import Config
from app.sync.families import FAMILY_GROUPS, put_group
from app.sync.mapping.fields import Refs
from app.sync.mapping.places import fold
from app.sync.models import KnownRecord


def learn(record: JsonObject, refs: Refs) -> None:
    """Takes from an expanded Ploomes record the look-ups it brings along, which saves asking for them."""
    city = record.get("City")
    if isinstance(city, dict) and record.get("CityId") is not None:
        place = city_key(city.get("IBGECode"), city.get("Name"), city.get("StateId"), refs)
        refs.city_keys[str(record["CityId"])] = place
        if place:
            refs.city_ids.setdefault(place, str(record["CityId"]))
    for row in record.get("Tags") or ():
        tag = row.get("Tag")
        if isinstance(tag, dict) and tag.get("Name"):
            refs.tag_names[str(row.get("TagId"))] = str(tag["Name"])
            refs.tag_ids.setdefault(str(tag["Name"]).casefold(), str(row.get("TagId")))


def build(rows: list[KnownRecord], config: Config) -> Refs:
    """A snapshot from rows of known_records. Pure."""
    sets: dict[tuple[str, str], list[KnownRecord]] = {}
    for row in rows:
        sets.setdefault((row.vendor, row.entity), []).append(row)
    sellers, users = sets.get(("omie", "sellers"), []), sets.get(("ploomes", "users"), [])
    countries = {r.external_id: _iso(r) for r in sets.get(("ploomes", "countries"), [])}
    iso_by_name = {fold(r.name): iso for r in sets.get(("ploomes", "countries"), []) if r.name and (iso := _iso(r))}
    refs = Refs(
        sellers={r.external_id: r.active for r in sellers},
        users={r.external_id: r.active for r in users},
        statuses={r.external_id: (r.natural_key or "") for r in sets.get(("ploomes", "statuses"), [])},
        phone_types={r.natural_key or "": r.external_id for r in sets.get(("ploomes", "phone_types"), [])},
        tag_names={r.external_id: r.name for r in _contact_tags(sets)},
        tag_ids={r.name.casefold(): r.external_id for r in _contact_tags(sets) if r.name},
        states={
            r.natural_key: r.external_id
            for r in sets.get(("ploomes", "states"), [])
            if r.natural_key and str(r.data.get("CountryId", 76)) == "76"
        },
        ploomes_countries={key: iso for key, iso in countries.items() if iso},
        omie_countries={
            r.external_id.lstrip("0"): iso
            for r in sets.get(("omie", "countries"), [])
            if (iso := _iso(r) or iso_by_name.get(fold(r.name or "")))
        },
    )
    for row in sets.get(("omie", FAMILY_GROUPS), []):
        if row.natural_key:
            put_group(refs, row.external_id, row.natural_key)
    refs.fax_types = {refs.phone_types["fax"]} if "fax" in refs.phone_types else set()
    refs.user_of_seller, refs.seller_of_user = pair_people(sellers, users, config)
    refs.omie_cities = {r.name: r.natural_key for r in sets.get(("omie", "cities"), []) if r.name}
    for row in sets.get(("ploomes", "cities"), []):
        place = city_key(row.natural_key, row.name, row.data.get("StateId"), refs)
        refs.city_keys[row.external_id] = place
        if place:
            refs.city_ids[place] = row.external_id
    return refs


def pair_people(
    sellers: list[KnownRecord], users: list[KnownRecord], config: Config
) -> tuple[dict[str, str], dict[str, str]]:
    """Sellers and users that are the same person: by hand first, then by e-mail, an active one before another."""
    user_of = {str(pair.omie): str(pair.ploomes) for pair in config.sellers.pairs}
    seller_of = {str(pair.ploomes): str(pair.omie) for pair in config.sellers.pairs}
    by_email: dict[str, KnownRecord] = {}
    for user in sorted(users, key=lambda u: (u.active, u.external_id)):
        if user.natural_key:
            by_email[user.natural_key] = user
    for seller in sorted(sellers, key=lambda s: (not s.active, s.external_id)):
        match = by_email.get(seller.natural_key or "")
        if match is None or seller.external_id in user_of:
            continue
        user_of[seller.external_id] = match.external_id
        seller_of.setdefault(match.external_id, seller.external_id)
    return user_of, seller_of


def _contact_tags(sets: dict[tuple[str, str], list[KnownRecord]]) -> list[KnownRecord]:
    return [r for r in sets.get(("ploomes", "tags"), []) if str(r.data.get("EntityId", CONTACT_TAGS)) == CONTACT_TAGS]


def _iso(row: KnownRecord) -> str | None:
    return row.natural_key.upper() if row.natural_key and len(row.natural_key) == 2 else None


def city_key(ibge: object, name: object, state_id: object, refs: Refs) -> str | None:
    """A city as both sides know it: its IBGE code, else `NAME/UF`."""
    if ibge:
        return str(ibge)
    uf = next((uf for uf, known_id in refs.states.items() if known_id == str(state_id)), "")
    return f"{fold(str(name))}/{uf}" if name else None

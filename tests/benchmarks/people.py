"""Clients as people type them on both vendors' screens, and the comparison of both sides without the service's help."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from stdnum.br import cnpj

from tests.benchmarks.rig import Pair, Rig, RigError, until

OMIE_PERSON = "vendas@empresa.com.br"
FIELDS = (("nome_fantasia", "Name"), ("email", "Email"), ("bairro", "Neighborhood"), ("homepage", "Website"))
"""The fields the benchmarks edit, as each vendor spells them."""


@dataclass(frozen=True)
class Client:
    """One client with its id on either side."""

    document: str
    omie_id: str
    ploomes_id: str


def document(number: int) -> str:
    """The n-th valid CNPJ of a made-up series, in digits."""
    stem = f"{60_000_000 + number:08d}0001"
    return stem + cnpj.calc_check_digits(stem)


async def add_clients(rig: Rig, pair: Pair, count: int, *, first: int = 0) -> None:
    """Types `count` clients on Omie's screen."""
    gate = asyncio.Semaphore(8)

    async def add(number: int) -> None:
        async with gate:
            await rig.control(
                "POST",
                f"/omie/{pair.app_key}/screen/clients",
                params={"person": OMIE_PERSON},
                json={
                    "razao_social": f"Comércio {number:04d} Ltda",
                    "nome_fantasia": f"Loja {number:04d}",
                    "cnpj_cpf": document(number),
                    "email": f"contato{number:04d}@loja.com.br",
                    "bairro": "Centro",
                    "endereco": "Rua das Flores",
                    "endereco_numero": str(number + 1),
                    "homepage": f"www.loja{number:04d}.com.br",
                },
            )

    await asyncio.gather(*(add(first + n) for n in range(count)))


async def both_sides(rig: Rig, pair: Pair) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """`(Omie record, Ploomes record)` by document, of the documents both sides hold."""
    omie_rows = await rig.rows(f"/omie/{pair.app_key}/clients")
    ploomes_rows = await rig.rows(f"/ploomes/{pair.user_key}/Contacts")
    omie = {digits: row for row in omie_rows if (digits := _digits(row.get("cnpj_cpf")))}
    ploomes = {digits: row for row in ploomes_rows if (digits := _digits(row.get("Register") or row.get("CNPJ")))}
    return {digits: (omie[digits], ploomes[digits]) for digits in omie.keys() & ploomes.keys()}


async def clients(rig: Rig, pair: Pair) -> list[Client]:
    """All clients that stand on both sides, in the order of their documents."""
    pairs = await both_sides(rig, pair)
    return [
        Client(digits, str(omie["codigo_cliente_omie"]), str(ploomes["Id"]))
        for digits, (omie, ploomes) in sorted(pairs.items())
    ]


async def unequal(rig: Rig, pair: Pair) -> list[str]:
    """Documents whose edited fields differ between the sides."""
    return [
        digits
        for digits, (omie, ploomes) in (await both_sides(rig, pair)).items()
        if any((omie.get(there) or "") != (ploomes.get(here) or "") for there, here in FIELDS)
    ]


async def settled(rig: Rig, pair: Pair, count: int, *, seconds: float) -> float:
    """Waits until `count` clients stand equal on both sides and no event is open; returns the seconds it took.

    Raises RigError when that took too long, or as soon as an event failed for good.
    """

    async def done() -> bool:
        pairs = await both_sides(rig, pair)
        if len(pairs) >= count and not await unequal(rig, pair) and not await rig.open_events(pair):
            return True
        if failed := await rig.failed_events(pair):
            raise RigError(f"{len(failed)} events failed, the first with: {failed[0]}")
        return False

    return await until(f"{count} clients equal on both sides", done, seconds=seconds, every=1.0)


async def edit_in_omie(rig: Rig, pair: Pair, client: Client, field: int, value: str) -> None:
    """A person changes one of FIELDS on Omie's screen."""
    path = f"/omie/{pair.app_key}/screen/clients/{client.omie_id}"
    await rig.control("PATCH", path, params={"person": OMIE_PERSON}, json={FIELDS[field][0]: value})


async def edit_in_ploomes(rig: Rig, pair: Pair, client: Client, field: int, value: str) -> None:
    """A person changes one of FIELDS on Ploomes' screen."""
    path = f"/ploomes/{pair.user_key}/screen/Contacts/{client.ploomes_id}"
    await rig.control("PATCH", path, json={FIELDS[field][1]: value})


def _digits(value: Any) -> str:
    return re.sub(r"[^0-9A-Z]", "", str(value or "").upper())

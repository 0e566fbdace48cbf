"""The services' register, kept as blocks with its keys at the root (omie-api.md 3.5)."""

from ..wire import Row
from . import faults
from .company import Company, Entry
from .registers import Rules
from .schemas import filled

_BLOCKS = ("cabecalho", "descricao", "impostos", "viaUnica")
_READ_ONLY = ("cTipoDesc", "nValorDesc", "nAliqDesc")


def flatten(param: Row) -> Row:
    """The keys out of their block to the root."""
    blocks = {name: value for name, value in param.items() if name not in ("intIncluir", "intEditar")}
    return {**blocks, **param.get("intIncluir", {}), **param.get("intEditar", {})}


def _prepare(company: Company, row: Row, given: Row, entry: Entry | None) -> None:
    """The description is required; products used go by their own action (omie-api.md 5.10)."""
    head = row["cabecalho"] = {k: v for k, v in row.get("cabecalho", {}).items() if k not in _READ_ONLY}
    if not head.get("cDescricao"):
        raise faults.required("cDescricao")
    category = given.get("cabecalho", {}).get("cCodCateg")
    if category and not any(known["codigo"] == category for known in company.catalogs["categorias"]):
        raise faults.missing_reference("Categoria", category, "cCodCateg", feminine=True)
    if not head.get("cCodigo"):
        head["cCodigo"] = f"SRV{len(company.registers['servicos']) + 1:05d}"
    switch = given.get("info", {}).get("inativo")
    row["inativo"] = switch or row.get("inativo", "N")
    row.pop("info", None)
    row.pop("produtosUtilizados", None)
    if "produtosUtilizados" in given:
        old = entry.row.get("used", []) if entry else []
        row["used"] = _used(company, old, given["produtosUtilizados"].get("produtoUtilizado", []))


def _used(company: Company, old: list[Row], given: list[Row]) -> list[Row]:
    kept = {item["nIdItemPU"]: item for item in old}
    for item in given:
        action, number = item.get("cAcaoItemPU") or "I", item.get("nIdItemPU", 0)
        if action not in ("A", "E", "I"):
            raise faults.invalid("cAcaoItemPU", "A, E ou I")
        if action in ("A", "E") and number not in kept:
            raise faults.missing_reference("Item", number, "nIdItemPU")
        if action == "E":
            del kept[number]
            continue
        if item.get("nCodProdutoPU", 0) not in company.registers["produtos"]:
            raise faults.missing_reference("Produto", item.get("nCodProdutoPU", 0), "nCodProdutoPU")
        number = number if action == "A" else company.kernel.omie_id()
        told = {name: value for name, value in item.items() if name != "cAcaoItemPU"}
        kept[number] = {**kept.get(number, {}), **told, "nIdItemPU": number}
    return list(kept.values())


def view(company: Company, entry: Entry, *, used: bool = True) -> Row:
    """The blocks at the root; the id is in intListar.nCodServ."""
    row = entry.row
    shown: Row = {"intListar": {"cCodIntServ": row.get("cCodIntServ", ""), "nCodServ": entry.id}}
    for name in _BLOCKS:
        shown[name] = company.said(filled(f"servico.{name}", row.get(name, {})))
    if used:
        shown["produtosUtilizados"] = {"produtoUtilizado": row.get("used", [])}
    return {**shown, "info": {**entry.stamp.block(), "inativo": row["inativo"]}}


def event(company: Company, entry: Entry) -> Row:
    """Nested as in the API, without the audit block (omie-api.md 4.5)."""
    shown = view(company, entry, used=False)
    return {name: shown[name] for name in ("intListar", "cabecalho", "descricao", "impostos")}


def _guard(company: Company, entry: Entry) -> None:
    if company.is_named(entry.id):
        raise faults.in_use("o serviço")


def _missing(code: object, by_code: bool) -> faults.Fault:
    if by_code:
        text = f"ERROR: Serviço não cadastrado para o Código de integração do Serviço [{code}] ! Tag [cCodIntServ]!"
        return faults.Fault(text, 5002)
    return faults.Fault(f"ERROR: Serviço não cadastrado para o Código do Serviço [{code}] ! Tag [nCodServ]!", 5002)


SERVICES = Rules(
    register="servicos", thing="Serviço", shape="srvListarCadastro", key_shape="srvChave", id_tag="nCodServ",
    code_tag="cCodIntServ", status=("cCodStatus", "cDescStatus"), api_needs=("cCodIntServ",),
    topics=("Servico.Incluido", "Servico.Alterado", "Servico.Excluido"), prepare=_prepare, show=view, body=event,
    missing=_missing, guard=_guard,
)  # fmt: skip

"""The products' and families' registers: what their services and screens may do (omie-api.md 3.3, 3.4 and 4.5)."""

from collections.abc import Callable
from typing import Any

from ..kernel import fold
from ..wire import Row
from . import faults
from .company import Company, Entry
from .registers import Rules, by_keys, first
from .schemas import filled, tags_of

_SHAPE = "produto_servico_cadastro"
_KINDS = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "99", "")
_ORIGINS = (*"012345678", "")
#: The PDV tax block and what else Omie fills (omie-api.md 3.3).
_TAXES = frozenset(tags_of("produto.impostos"))
_UNSTORED = _TAXES | {"info", "importado_api", "codInt_familia", "descricao_familia", "aliquota_ibpt", "cest",
                      "quantidade_estoque", "estoque_minimo", "id_produto_variacao"}  # fmt: skip
#: Empty ones come as null from ConsultarProduto and not at all from a list (omie-api.md 2.4).
_NULL_WHEN_EMPTY = ("videos", "tabelas_preco", "componentes_kit", "medicamento", "combustivel", "veiculo", "armamento")
#: What a list shows only when asked for.
_ON_DEMAND = {
    "exibir_caracteristicas": "caracteristicas", "exibir_tabelas_preco": "tabelas_preco",
    "exibir_obs": "obs_internas", "exibir_kit": "componentes_kit",
}  # fmt: skip
_TAX_SAMPLE: Row = {
    "cst_icms": "00", "modalidade_icms": "3", "aliquota_icms": 18, "cst_pis": "01", "cst_cofins": "01", "cfop": "5.102",
}  # fmt: skip


def _prepare(company: Company, row: Row, given: Row, entry: Entry | None) -> None:
    """Checks lists and references, gives a screen's product its code, and refuses what another product has."""
    if not row.get("codigo"):
        row["codigo"] = f"PRD{len(company.registers['produtos']) + 1:05d}"
    if given.get("tipoItem", "") not in _KINDS:
        raise faults.invalid("tipoItem", "um dos tipos " + ", ".join(kind for kind in _KINDS if kind))
    if given.get("recomendacoes_fiscais", {}).get("origem_mercadoria", "") not in _ORIGINS:
        raise faults.invalid("origem_mercadoria", "de 0 a 8")
    family = given.get("codigo_familia")
    if family and family not in company.registers["familias"]:
        raise faults.missing_reference("Família", family, "codigo_familia", feminine=True)
    _refuse_taken(company, row, entry)
    if "caracteristicas" in given:
        row["caracteristicas"] = _traits(company, entry, given["caracteristicas"])


def _refuse_taken(company: Company, row: Row, entry: Entry | None) -> None:
    old = entry.row if entry else {}
    for tag in ("codigo", "descricao"):
        wanted = row.get(tag, "")
        if wanted == old.get(tag):
            continue
        other = first(company.registers["produtos"].values(), tag, wanted)
        if other is not None and other is not entry:
            if tag == "codigo":
                raise faults.taken_code(wanted, other.id)
            raise faults.taken_description(other.row["codigo"])


def _traits(company: Company, entry: Entry | None, given: list[Row]) -> list[Row]:
    """Characteristics by name; an empty content removes one."""
    kept = {trait["cNomeCaract"]: trait for trait in (entry.row.get("caracteristicas", []) if entry else [])}
    for trait in given:
        name = trait.get("cNomeCaract", "")
        if not name:
            raise faults.required("cNomeCaract")
        kept[name] = {"nCodCaract": company.tag_id(f"caracteristica {name}"), "cCodIntCaract": "",
                      **kept.get(name, {}), **trait}  # fmt: skip
    return [trait for trait in kept.values() if trait.get("cConteudo")]


def _guard(company: Company, entry: Entry) -> None:
    if company.stock.ever_moved(entry.id):
        raise faults.Fault(
            "ERROR: Não é possível excluir o produto pois existem movimentos de estoque associados a ele !", 2004
        )
    if company.is_named(entry.id):
        raise faults.in_use("o produto")


def in_pdv(entry: Entry) -> bool:
    """It has a tax setup for the point of sale."""
    return bool(entry.row.get("recomendacoes_fiscais", {}).get("cupom_fiscal") == "S")


def in_marketplace(entry: Entry) -> bool:
    """It is offered on a marketplace."""
    return bool(entry.row.get("recomendacoes_fiscais", {}).get("market_place") == "S")


def view(company: Company, entry: Entry, *, taxes: bool = True) -> Row:
    """The record as ConsultarProduto shows it; tax fields are blank without a PDV setup or when not asked for."""
    row = entry.row
    family = company.registers["familias"].get(row.get("codigo_familia", 0))
    shown = filled(_SHAPE, row) | {
        "codigo_produto": entry.id,
        "descricao_familia": family.row["nomeFamilia"] if family else "",
        "codInt_familia": family.row.get("codInt", "") if family else "",
        "importado_api": entry.stamp.block()["cImpAPI"],
        "info": entry.stamp.block(),
    }
    if taxes and in_pdv(entry):
        shown |= _TAX_SAMPLE
    for name in _NULL_WHEN_EMPTY:
        shown[name] = shown[name] or None
    return company.said(shown)


def lister(company: Company, param: Row) -> Callable[[Entry], Row]:
    """How a row of ListarProdutos looks for that request: fewer fields, some on demand."""
    hidden = {name for flag, name in _ON_DEMAND.items() if param.get(flag) != "S"}
    taxes = (param.get("filtrar_apenas_omiepdv") or "S") == "S"

    def show(entry: Entry) -> Row:
        shown = view(company, entry, taxes=taxes)
        gone = hidden | {name for name in (*_NULL_WHEN_EMPTY, "imagens") if not shown[name]}
        if "caracteristicas" not in hidden:
            code = entry.row.get("codigo_produto_integracao", "")
            more = {"nCodProd": entry.id, "cCodIntProd": code, "info": shown["info"]}
            shown["caracteristicas"] = [{**trait, **more} for trait in shown["caracteristicas"]]
        return {name: value for name, value in shown.items() if name not in gone}

    return show


def summary(entry: Entry) -> Row:
    """A row of ListarProdutosResumido."""
    return {
        "codigo_produto": entry.id, "codigo_produto_integracao": entry.row.get("codigo_produto_integracao", ""),
        **{name: entry.row.get(name, "") for name in ("codigo", "descricao", "valor_unitario")},
    }  # fmt: skip


def event(company: Company, entry: Entry) -> Row:
    """Flat, with the fiscal fields unnested, without info and family name (omie-api.md 4.5)."""
    shown, fiscal = view(company, entry), entry.row.get("recomendacoes_fiscais", {})
    body = {name: shown[name] for name in tags_of("produto.evento")}
    body["combustivel"] = {"codigo_anp": " " * 9, "descr_anp": "", **(shown["combustivel"] or {})}
    body["cest"] = fiscal.get("id_cest", "")
    return body | filled("recomendacoes_fiscais", fiscal)


def find(company: Company, key: Row) -> Entry:
    """By integration code, Omie id or, alone, by SKU (omie-api.md 3.3). Raises Fault."""
    sku = key.get("codigo", "")
    if sku and not key.get("codigo_produto") and not key.get("codigo_produto_integracao"):
        entry = first(company.registers["produtos"].values(), "codigo", sku)
        if entry is None:
            raise faults.not_found("Produto", sku)
        return entry
    return by_keys(PRODUCTS, company, key)


def chosen(company: Company, entries: list[Entry], param: Row) -> list[Entry]:
    """What the filters of ListarProdutos leave."""
    if (param.get("filtrar_apenas_omiepdv") or "S") == "S":
        entries = [entry for entry in entries if in_pdv(entry)]
    tests: dict[str, Callable[[Entry, Any], bool]] = {
        "filtrar_apenas_pdv": lambda e, v: v != "S" or in_pdv(e),
        "filtrar_apenas_marketplace": lambda e, v: v != "S" or in_marketplace(e),
        "filtrar_apenas_familia": lambda e, v: str(e.row.get("codigo_familia", 0)) == v,
        "filtrar_apenas_tipo": lambda e, v: e.row.get("tipoItem", "") == v,
        "filtrar_apenas_descricao": lambda e, v: _matches(e.row["descricao"], v),
        "inativo": lambda e, v: e.row.get("inativo", "N") == v,
        "ncm": lambda e, v: e.row.get("ncm", "").replace(".", "") == v.replace(".", ""),
        "ean": lambda e, v: e.row.get("ean", "") == v,
        "produtosPorCodigo": lambda e, v: any(_named(e, key) for key in v),
        "caracteristicas": lambda e, v: all(_has_trait(e, trait) for trait in v),
    }
    pattern = param.get("filtrar_apenas_descricao", "")
    if pattern and len(pattern.replace("%", "")) < 3:
        raise faults.Fault("ERROR: Informe um mínimo de três caracteres na tag [filtrar_apenas_descricao] !", 1010)
    wanted = {name: param[name] for name in tests if param.get(name)}
    kept = entries
    if wanted:
        kept = [entry for entry in entries if all(tests[name](entry, value) for name, value in wanted.items())]
    return kept[::-1] if param.get("ordem_decrescente") == "S" else kept


def _named(entry: Entry, key: Row) -> bool:
    if key.get("codigo_produto"):
        return bool(key["codigo_produto"] == entry.id)
    names = ("codigo_produto_integracao", "codigo")
    return any(key.get(name) and key[name] == entry.row.get(name) for name in names)


def _has_trait(entry: Entry, wanted: Row) -> bool:
    traits = entry.row.get("caracteristicas", [])
    return any(all(trait.get(name) == value for name, value in wanted.items() if value) for trait in traits)


def _matches(text: str, pattern: str) -> bool:
    """Exact, or with % at either end."""
    bare, text = fold(pattern.strip("%")), fold(text)
    if pattern.startswith("%"):
        return bare in text if pattern.endswith("%") else text.endswith(bare)
    return text.startswith(bare) if pattern.endswith("%") else text == bare


PRODUCTS = Rules(
    register="produtos", thing="Produto", shape=_SHAPE, key_shape="produto_servico_cadastro_chave",
    id_tag="codigo_produto", code_tag="codigo_produto_integracao", status=("codigo_status", "descricao_status"),
    topics=("Produto.Incluido", "Produto.Alterado", "Produto.Excluido"), needs=("descricao",),
    api_needs=("codigo_produto_integracao", "codigo", "unidade", "ncm", "valor_unitario"),
    defaults={"unidade": "UN", "ncm": "0000.00.00", "valor_unitario": 0, "tipoItem": "00", "inativo": "N",
              "bloqueado": "N", "bloquear_exclusao": "N", "exibir_descricao_nfe": "N", "exibir_descricao_pedido": "N",
              "produto_variacao": "N", "produto_lote": "N"},
    unstored=_UNSTORED, prepare=_prepare, guard=_guard, show=view, body=event, finder=find,
)  # fmt: skip


def _keep_family(company: Company, entry: Entry) -> None:
    """With products in it a family stays, or they fall out of it: doubtful, hence the switch."""
    members = [e for e in company.registers["produtos"].values() if e.row.get("codigo_familia") == entry.id]
    if members and company.kernel.quirks.omie_family_delete == "refused":
        raise faults.in_use("a família")
    for product in members:
        product.row["codigo_familia"] = 0


FAMILIES = Rules(
    register="familias", thing="Família", shape="famCadastro", key_shape="famCadastroChave", id_tag="codigo",
    code_tag="codInt", status=("cCodStatus", "cDesStatus"), needs=("nomeFamilia",), api_needs=("codInt",),
    defaults={"inativo": "N"}, guard=_keep_family, feminine=True,
)  # fmt: skip

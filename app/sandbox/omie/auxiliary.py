"""Small registers that the company keeps itself: bank accounts, projects, departments, categories, terms (3.10)."""

import re

from ..wire import Row
from . import faults
from .company import Actor, Company, Entry
from .registers import Rules

_KINDS = ("AC", "AD", "CA", "CC", "CE", "CG", "CN", "CP", "CR", "CV", "CX", "MT", "PG")


def _prepare_account(_company: Company, row: Row, _given: Row, _entry: Entry | None) -> None:
    if row["tipo_conta_corrente"] not in _KINDS:
        raise faults.invalid("tipo_conta_corrente", "um dos tipos " + ", ".join(_KINDS))


def _show_account(_company: Company, entry: Entry) -> Row:
    stamp, row = entry.stamp.block(), entry.row
    return {
        "nCodCC": entry.id, "cCodCCInt": "", **row, "tipo": row["tipo_conta_corrente"],
        "conta_corrente": row.get("numero_conta_corrente", ""), "data_inc": stamp["dInc"], "hora_inc": stamp["hInc"],
        "user_inc": stamp["uInc"], "data_alt": stamp["dAlt"], "hora_alt": stamp["hAlt"], "user_alt": stamp["uAlt"],
    }  # fmt: skip


def _guard_account(company: Company, entry: Entry) -> None:
    if company.is_named(entry.id):
        raise faults.in_use("a conta corrente")


ACCOUNTS = Rules(
    register="contacorrente", thing="Conta Corrente", shape="fin_conta_corrente_cadastro",
    key_shape="fin_conta_corrente_chave", id_tag="nCodCC", code_tag="cCodCCInt", status=("cCodStatus", "cDesStatus"),
    topics=("Financas.ContaCorrente.Incluido", "Financas.ContaCorrente.Alterado", "Financas.ContaCorrente.Excluido"),
    needs=("descricao",), api_needs=("cCodCCInt", "tipo_conta_corrente", "codigo_banco"),
    defaults={"tipo_conta_corrente": "CC", "codigo_banco": "001", "codigo_agencia": "", "numero_conta_corrente": "",
              "saldo_inicial": 0, "saldo_data": "01/01/2024", "valor_limite": 0, "inativo": "N", "pix_sn": "N",
              "bol_sn": "N", "cobr_sn": "N"},
    unstored=frozenset(("data_inc", "hora_inc", "user_inc", "data_alt", "hora_alt", "user_alt")),
    prepare=_prepare_account, guard=_guard_account, show=_show_account, feminine=True,
)  # fmt: skip


def _show_project(_company: Company, entry: Entry) -> Row:
    row = entry.row
    return {"codigo": entry.id, "codInt": row.get("codInt", ""), "nome": row["nome"], "inativo": row["inativo"],
            "info": entry.stamp.block()}  # fmt: skip


def _guard_project(company: Company, entry: Entry) -> None:
    if company.is_named(entry.id):
        raise faults.in_use("o projeto")


PROJECTS = Rules(
    register="projetos", thing="Projeto", shape="projeto_cadastro", key_shape="projeto_chave", id_tag="codigo",
    code_tag="codInt", status=("status", "descricao"), needs=("nome",), api_needs=("codInt",),
    topics=("Projeto.Incluido", "Projeto.Alterado", "Projeto.Excluido"), defaults={"inativo": "N"},
    unstored=frozenset(("info",)), guard=_guard_project, show=_show_project,
    missing=lambda code, _by_code: faults.Fault(f"ERROR: Projeto não cadastrado para o Código [{code}] !", 1035),
)  # fmt: skip


_KEYS = ("codigo", "nCodigo", "cCodigo", "codigo_empresa")


def catalog_row(company: Company, name: str, code: str) -> Row | None:
    """The row of a catalogue with that code; a stage of `etapafat` is named `operation.stage`."""
    if name == "etapafat":
        operation, _, stage = code.partition(".")
        rows = [s for row in company.catalogs[name] if row.get("cCodOperacao") == operation for s in row["etapas"]]
        return next((row for row in rows if row["cCodigo"] == stage), None)
    for row in company.catalogs.get(name, []):
        if any(str(row.get(key)) == code for key in _KEYS if key in row):
            return row
    return None


def category(company: Company, code: str) -> Row:
    """The category with that code; raises Fault."""
    for row in company.catalogs["categorias"]:
        if row["codigo"] == code:
            return row
    raise faults.not_found("Categoria", code, feminine=True)


def add_category(company: Company, given: Row, actor: Actor, *, group: bool) -> Row:
    """A category below its parent, or a group (totals its children); Omie numbers it. Raises Fault."""
    if not given.get("descricao"):
        raise faults.required("descricao")
    parent = given.get("categoria_superior", "")
    above = category(company, parent) if parent else {}
    if not above:
        raise faults.required("categoria_superior")
    used = [int(row["codigo"].rpartition(".")[2]) for row in company.catalogs["categorias"]
            if row["categoria_superior"] == parent]  # fmt: skip
    row = {
        **above, "descricao_padrao": "", "definida_pelo_usuario": "S", "conta_inativa": "N", "nao_exibir": "N",
        **given, "codigo": f"{parent}.{max(used, default=0) + 1:02d}", "categoria_superior": parent,
        "totalizadora": "S" if group else "N",
    }  # fmt: skip
    company.catalogs["categorias"].append(row)
    company.announce("Categoria.Incluida", row, actor)
    return row


def change_category(company: Company, given: Row, actor: Actor) -> Row:
    """Changes a category's name and switches; raises Fault."""
    row = category(company, given.get("codigo", ""))
    row |= {name: given[name] for name in ("descricao", "conta_inativa", "nao_exibir", "codigo_dre") if name in given}
    company.announce("Categoria.Alterada", row, actor)
    return row


def department(company: Company, code: str) -> Row:
    """The department with that code; raises Fault."""
    for row in company.catalogs["departamentos"]:
        if row["codigo"] == code:
            return row
    raise faults.not_found("Departamento", code)


def add_terms(company: Company, text: str) -> Row:
    """A payment term from `10/20/30` or `A Vista/40/60`; the same days give the known code. Raises Fault."""
    days = [("0" if part.strip().lower() == "a vista" else part.strip()) for part in text.split("/")]
    if not all(re.fullmatch(r"\d{1,3}", part) for part in days):
        raise faults.invalid("cParcela", "os dias separados por barra, como 10/20/30 ou A Vista/40/60")
    written = "/".join(days)
    for known in company.catalogs["formaspagvendas"]:
        if known["cListaParc"] == written:
            return {"cCodParcela": known["cCodigo"], "cDesParcela": known["cDescricao"]}
    code = f"T{len(company.catalogs['formaspagvendas']):02d}"
    put_terms(company, code, text, written)
    return {"cCodParcela": code, "cDesParcela": text}


def put_terms(company: Company, code: str, name: str, days: str) -> None:
    """The term in both catalogues that show it."""
    count = len(days.split("/")) if days else 0
    company.catalogs["parcelas"].append({"nCodigo": code, "cDescricao": name, "nParcelas": count})
    company.catalogs["formaspagvendas"].append(
        {"cCodigo": code, "nQtdeParc": count, "cDescricao": name, "cListaParc": days,
         "nDiasParc": int(days.split("/")[-1]) if days else 0}
    )  # fmt: skip

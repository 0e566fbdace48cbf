"""What every Omie company has before its first record: catalogues of omie-api.md 3.6 and 3.10."""

from decimal import Decimal

from ..omie import auxiliary, registers
from ..omie.company import Company
from ..omie.stock import LOCATIONS
from ..wire import Row
from .omie_fiscal import CNAE, DOCUMENT_TYPES, FISCAL, MEANS, UNITS
from .reference import cities, countries, states

_ACTIVITIES = {
    "0": "Industrial ou equiparado", "1": "Prestador de serviços", "2": "Comércio", "3": "Transporte",
    "4": "Construção civil", "5": "Agronegócio", "9": "Outros",
}  # fmt: skip
#: code -> (name, days of each part).
_TERMS = {
    "000": ("A Vista", "0"), "001": ("1 Parcela", "30"), "002": ("2 Parcelas", "30/60"),
    "003": ("3 Parcelas", "30/60/90"), "004": ("4 Parcelas", "30/60/90/120"),
    "005": ("5 Parcelas", "30/60/90/120/150"), "006": ("6 Parcelas", "30/60/90/120/150/180"),
    "012": ("12 Parcelas", "/".join(str(30 * n) for n in range(1, 13))),
    "A03": ("Para 3 dias", "3"), "A15": ("Para 15 dias", "15"), "A30": ("Para 30 dias", "30"),
    "S28": ("28/35/42 dias", "28/35/42"), "999": ("Informar o Número de Parcelas", ""),
}  # fmt: skip
_STAGES = {
    "01": ("Venda de Serviço", (("10", "Ordem de Serviço"), ("20", "Em Execução"), ("30", "Executada"),
                                ("40", "Coluna livre"), ("50", "Faturar"), ("60", "Faturado"))),
    "11": ("Venda de Produto", (("00", "Proposta"), ("10", "Pedido de Venda"), ("20", "Separar Estoque"),
                                ("30", "Coluna livre"), ("40", "Coluna livre"), ("50", "Faturar"),
                                ("60", "Faturado"), ("70", "Entrega"), ("80", "Coluna livre"))),
    "13": ("Devolução de Venda", (("10", "Devolução"), ("60", "Concluída"))),
    "14": ("Remessa de Produto", (("10", "Remessa"), ("60", "Faturada"))),
    "21": ("Compra de Produto", (("10", "Pedido de Compra"), ("60", "Recebido"))),
    "28": ("Ordem de Produção", (("10", "Planejada"), ("60", "Concluída"))),
}  # fmt: skip
_UNUSED_STAGES = {("11", "30"), ("11", "40"), ("11", "80"), ("01", "40")}
#: name, default, rates in percent; the second one adds IPI and ICMS ST to an order's total.
_SCENARIOS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Padrão", "S", {"icms": "18", "pis": "1.65", "cofins": "7.6", "icms_sn": "0"}),
    ("Contribuinte do ICMS", "N", {"icms": "12", "pis": "1.65", "cofins": "7.6", "ipi": "5", "icms_st": "18",
                                   "margin": "40"}),
)  # fmt: skip
_ACCOUNTS = (
    ("CC", "Banco do Brasil", "001", "1234-5", "98765-4", "N"), ("CX", "Caixinha", "999", "", "", "N"),
    ("CC", "Conta antiga", "341", "0099", "11111-1", "S"),
)  # fmt: skip
_DEPARTMENTS = (("1", "Comercial", "001", "N"), ("2", "Oficina", "002", "N"), ("3", "Loja antiga", "003", "S"))
_CATEGORIES = (
    ("1.01", "Receitas Diretas", "R", "S"), ("1.01.01", "Clientes - Serviços Prestados", "R", "N"),
    ("1.01.02", "Clientes - Revenda de Mercadoria", "R", "N"), ("1.01.03", "Clientes - Venda de Produtos", "R", "N"),
    ("2.01", "Despesas Diretas", "D", "S"), ("2.01.01", "Compras de Mercadorias para Revenda", "D", "N"),
    ("2.01.03", "Compras de Serviços", "D", "N"),
)  # fmt: skip


def furnish(company: Company) -> None:
    """Fills the catalogues of a company and gives it its default stock location."""
    place = {"descricao": "Local de Estoque Padrão", "codigo": "PADRAO", "padrao": "S"}
    registers.include(LOCATIONS, company, place, company.person(None))
    company.catalogs |= {
        "empresas": [_company(company)],
        "categorias": [_category(*row) for row in _CATEGORIES],
        "parcelas": [],
        "formaspagvendas": [],
        "etapafat": [
            {},  # the first row is an empty object (omie-api.md 3.6)
            *(_operation(code, *rows) for code, rows in _STAGES.items()),
        ],
        "cidades": [
            {"cCod": city.omie_code, "cNome": city.omie_name, "cUF": city.uf, "nCodIBGE": city.ibge, "nCodSIAFI": 0}
            for city in cities()
        ],
        "estados": [{"cSigla": state.uf, "cDescricao": state.name} for state in states()],
        "paises": [
            {"cCodigo": land.bacen, "cDescricao": land.omie_name, "cCodigoISO": land.iso2} for land in countries()
        ],
        "tpativ": [{"cCodigo": code, "cDescricao": text} for code, text in _ACTIVITIES.items()],
        "cnae": [{"nCodigo": c, "cDescricao": d, "cEstrutura": f"{c[:4]}-{c[4]}/{c[5:]}"} for c, d in CNAE],
        "unidade": [{"codigo": code, "descricao": name} for code, name in UNITS],
        "meiospagamento": [{"codigo": code, "descricao": name} for code, name in MEANS],
        "tiposdoc": [{"codigo": code, "descricao": name} for code, name in DOCUMENT_TYPES],
        "departamentos": [
            {"codigo": code, "descricao": name, "estrutura": place, "inativo": inactive, "nivel_totalizador": "N"}
            for code, name, place, inactive in _DEPARTMENTS
        ],
        "cenarios": [],
        **{name: [{"nCodigo": c, "cDescricao": d} for c, d in rows] for name, rows in FISCAL.items()},
    }
    for code, (name, days) in _TERMS.items():
        auxiliary.put_terms(company, code, name, days)
    for name, default, rates in _SCENARIOS:
        _scenario(company, name, default, {tax: Decimal(rate) for tax, rate in rates.items()})
    _accounts(company)


def _accounts(company: Company) -> None:
    for kind, name, bank, agency, number, inactive in _ACCOUNTS:
        given = {"tipo_conta_corrente": kind, "descricao": name, "codigo_banco": bank, "codigo_agencia": agency,
                 "numero_conta_corrente": number, "inativo": inactive}  # fmt: skip
        registers.include(auxiliary.ACCOUNTS, company, given, company.person(None))


def _scenario(company: Company, name: str, default: str, rates: dict[str, Decimal]) -> None:
    number = company.kernel.omie_id()
    stamp = company.stamp(company.person(None)).block()
    del stamp["cImpAPI"]
    company.catalogs["cenarios"].append({
        "nCodigo": number, "cNome": name, "padrao": default, "industria": "N", "comercioVarejista": "S",
        "comercioAtacadista": "S", "prestadorServico": "N", "construcaoCivil": "N", "inativo": "N", **stamp,
    })  # fmt: skip
    company.rates[number] = rates
    if default == "S":
        company.rates[0] = rates


def _company(company: Company) -> Row:
    # The id comes as a string on the wire (omie-api.md 2.4).
    return {
        "codigo_empresa": str(company.kernel.omie_id()), "cnpj": "11.222.333/0001-81",
        "razao_social": "EMPRESA MODELO COMERCIO LTDA", "nome_fantasia": "EMPRESA MODELO", "endereco": "AV PAULISTA",
        "endereco_numero": "1000", "bairro": "BELA VISTA", "cidade": "SAO PAULO (SP)", "estado": "SP",
        "cep": "01310100", "codigo_pais": "1058", "email": "contato@empresa.com.br", "cnae": "4669999",
        "optante_simples_nacional": "N", "regime_tributario": "3", "inativa": "N",
    }  # fmt: skip


def _category(code: str, name: str, kind: str, total: str) -> Row:
    return {
        "codigo": code, "descricao": name, "descricao_padrao": name, "tipo_categoria": "", "conta_inativa": "N",
        "definida_pelo_usuario": "N", "conta_despesa": "S" if kind == "D" else "N",
        "conta_receita": "S" if kind == "R" else "N", "nao_exibir": "N", "natureza": "", "totalizadora": total,
        "transferencia": "N", "codigo_dre": "", "categoria_superior": code.rpartition(".")[0], "dadosDRE": {},
    }  # fmt: skip


def _operation(code: str, name: str, stages: tuple[tuple[str, str], ...]) -> Row:
    """A stage can be switched off and still hold orders (omie-api.md 3.6)."""
    return {
        "cCodOperacao": code,
        "cDescOperacao": name,
        "etapas": [
            {"cCodigo": stage, "cDescricao": text, "cDescrPadrao": text,
             "cInativo": "S" if (code, stage) in _UNUSED_STAGES else "N"}
            for stage, text in stages
        ],
    }  # fmt: skip

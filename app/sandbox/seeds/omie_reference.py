"""What every Omie company has before its first record: catalogues of omie-api.md 3.6 and 3.10."""

from ..omie import registers
from ..omie.company import Company
from ..omie.stock import LOCATIONS
from ..wire import Row
from .reference import cities, countries

_ACTIVITIES = {
    "0": "Industrial ou equiparado", "1": "Prestador de serviços", "2": "Comércio", "3": "Transporte",
    "4": "Construção civil", "5": "Agronegócio", "9": "Outros",
}  # fmt: skip
_INSTALMENTS = {
    "000": ("A Vista", 1), "001": ("1 Parcela", 1), "002": ("2 Parcelas", 2), "003": ("3 Parcelas", 3),
    "A03": ("Para 3 dias", 1), "A15": ("Para 15 dias", 1), "A30": ("Para 30 dias", 1),
    "S28": ("28/35/42 dias", 3), "999": ("Informar o Número de Parcelas", 0),
}  # fmt: skip
_SALE_STAGES = (("00", "Proposta"), ("10", "Pedido de Venda"), ("20", "Separar Estoque"), ("50", "Faturar"),
                ("60", "Faturado"), ("70", "Entrega"))  # fmt: skip
_SERVICE_STAGES = (("10", "Ordem de Serviço"), ("20", "Em Execução"), ("30", "Executada"), ("50", "Faturar"),
                   ("60", "Faturado"))  # fmt: skip
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
        "contacorrente": _accounts(company),
        "empresas": [_company(company)],
        "categorias": [_category(*row) for row in _CATEGORIES],
        "parcelas": [{"nCodigo": c, "cDescricao": d, "nParcelas": n} for c, (d, n) in _INSTALMENTS.items()],
        "etapafat": [
            {},  # the first row is an empty object (omie-api.md 3.6)
            _operation("01", "Venda de Serviço", _SERVICE_STAGES),
            _operation("11", "Venda de Produto", _SALE_STAGES),
        ],
        "cidades": [
            {"cCod": city.omie_code, "cNome": city.omie_name, "cUF": city.uf, "nCodIBGE": city.ibge, "nCodSIAFI": 0}
            for city in cities()
        ],
        "paises": [
            {"cCodigo": land.bacen, "cDescricao": land.omie_name, "cCodigoISO": land.iso2} for land in countries()
        ],
        "tpativ": [{"cCodigo": code, "cDescricao": text} for code, text in _ACTIVITIES.items()],
    }


def _accounts(company: Company) -> list[Row]:
    rows = (("CC", "Banco do Brasil", "001", "1234-5", "98765-4", "N"), ("CX", "Caixinha", "999", "", "", "N"),
            ("CC", "Conta antiga", "341", "0099", "11111-1", "S"))  # fmt: skip
    return [
        {
            "nCodCC": company.kernel.omie_id(), "cCodCCInt": "", "descricao": name, "tipo_conta_corrente": kind,
            "tipo": kind, "codigo_banco": bank, "codigo_agencia": agency, "numero_conta_corrente": number,
            "conta_corrente": number, "saldo_inicial": 0, "saldo_data": "01/01/2024", "valor_limite": 0,
            "inativo": inactive, "pix_sn": "N", "bol_sn": "N", "cobr_sn": "N", "data_inc": "02/01/2024",
            "hora_inc": "09:00:00", "user_inc": "P000114759", "data_alt": "02/01/2024", "hora_alt": "09:00:00",
            "user_alt": "P000114759",
        }
        for kind, name, bank, agency, number, inactive in rows
    ]  # fmt: skip


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
    return {
        "cCodOperacao": code,
        "cDescOperacao": name,
        "etapas": [{"cCodigo": c, "cDescricao": text, "cDescrPadrao": text, "cInativo": "N"} for c, text in stages],
    }

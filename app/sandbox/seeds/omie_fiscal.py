"""Public code lists that Omie serves: CNAE, units, means of payment, document types and the fiscal lists (3.10)."""

CNAE = (
    ("1091102", "Fabricação de produtos de padaria e confeitaria com predominância de produção própria"),
    ("2599399", "Fabricação de outros produtos de metal não especificados anteriormente"),
    ("4520001", "Serviços de manutenção e reparação mecânica de veículos automotores"),
    ("4649408", "Comércio atacadista de produtos de higiene, limpeza e conservação domiciliar"),
    ("4669999", "Comércio atacadista de outras máquinas e equipamentos não especificados anteriormente"),
    ("4672900", "Comércio atacadista de ferragens e ferramentas"),
    ("4711302", "Comércio varejista de mercadorias em geral, com predominância de produtos alimentícios"),
    ("4744001", "Comércio varejista de ferragens e ferramentas"),
    ("4930202", "Transporte rodoviário de carga, exceto produtos perigosos e mudanças, intermunicipal"),
    ("6201501", "Desenvolvimento de programas de computador sob encomenda"),
    ("7112000", "Serviços de engenharia"),
    ("7490104", "Atividades de intermediação e agenciamento de serviços e negócios em geral"),
)
UNITS = (
    ("BD", "Balde"), ("CJ", "Conjunto"), ("CX", "Caixa"), ("DZ", "Dúzia"), ("FD", "Fardo"), ("G", "Grama"),
    ("H", "Hora"), ("JG", "Jogo"), ("KG", "Quilograma"), ("L", "Litro"), ("M", "Metro"), ("M2", "Metro quadrado"),
    ("M3", "Metro cúbico"), ("MIL", "Milheiro"), ("PAR", "Par"), ("PC", "Peça"), ("PCT", "Pacote"), ("RL", "Rolo"),
    ("SC", "Saco"), ("T", "Tonelada"), ("UN", "Unidade"),
)  # fmt: skip
MEANS = (
    ("01", "Dinheiro"), ("02", "Cheque"), ("03", "Cartão de Crédito"), ("04", "Cartão de Débito"),
    ("05", "Crédito Loja"), ("10", "Vale Alimentação"), ("11", "Vale Refeição"), ("12", "Vale Presente"),
    ("13", "Vale Combustível"), ("15", "Boleto Bancário"), ("16", "Depósito Bancário"), ("17", "PIX"),
    ("18", "Transferência Bancária"), ("19", "Programa de Fidelidade"), ("90", "Sem Pagamento"), ("99", "Outros"),
)  # fmt: skip
DOCUMENT_TYPES = (("99999", "Outros"), ("BOL", "Boleto"), ("CRT", "Cartão"), ("DIN", "Dinheiro"), ("PIX", "PIX"))

FISCAL = {
    "icmscst": (
        ("00", "Tributada integralmente"), ("10", "Tributada e com cobrança do ICMS por substituição tributária"),
        ("20", "Com redução de base de cálculo"), ("30", "Isenta ou não tributada e com cobrança do ICMS por ST"),
        ("40", "Isenta"), ("41", "Não tributada"), ("50", "Suspensão"), ("51", "Diferimento"),
        ("60", "ICMS cobrado anteriormente por substituição tributária"),
        ("70", "Com redução de base de cálculo e cobrança do ICMS por ST"), ("90", "Outras"),
    ),
    "icmscsosn": (
        ("101", "Tributada pelo Simples Nacional com permissão de crédito"),
        ("102", "Tributada pelo Simples Nacional sem permissão de crédito"),
        ("103", "Isenção do ICMS no Simples Nacional para faixa de receita bruta"),
        ("201", "Tributada com permissão de crédito e com cobrança do ICMS por ST"),
        ("202", "Tributada sem permissão de crédito e com cobrança do ICMS por ST"),
        ("203", "Isenção do ICMS para faixa de receita bruta e com cobrança do ICMS por ST"),
        ("300", "Imune"), ("400", "Não tributada pelo Simples Nacional"),
        ("500", "ICMS cobrado anteriormente por ST ou por antecipação"), ("900", "Outros"),
    ),
    "icmsorigem": (
        ("0", "Nacional"), ("1", "Estrangeira, importação direta"), ("2", "Estrangeira, adquirida no mercado interno"),
        ("3", "Nacional, com conteúdo de importação superior a 40%"), ("4", "Nacional, processos produtivos básicos"),
        ("5", "Nacional, com conteúdo de importação inferior ou igual a 40%"),
        ("6", "Estrangeira, importação direta, sem similar nacional"),
        ("7", "Estrangeira, mercado interno, sem similar nacional"),
        ("8", "Nacional, com conteúdo de importação superior a 70%"),
    ),
    "ipicst": (
        ("50", "Saída tributada"), ("51", "Saída tributável com alíquota zero"), ("52", "Saída isenta"),
        ("53", "Saída não tributada"), ("54", "Saída imune"), ("55", "Saída com suspensão"), ("99", "Outras saídas"),
    ),
    "ipienq": (("999", "Tributação normal do IPI"), ("301", "Isenção"), ("601", "Redução")),
    "tpcalc": (("B", "Alíquota"), ("Q", "Valor por unidade")),
}  # fmt: skip

"""What every Ploomes account has before its first contact (ploomes-api.md 2, 3.7 and 7)."""

from typing import Any

from ..kernel import Kernel
from ..ploomes.account import Account
from ..ploomes.schema import SETS
from ..wire import Row
from .reference import cities, countries, states

#: (Id, Name, NativeType); ids above 900 are ours, the reference knows none for them.
_FIELD_TYPES = (
    (1, "Texto simples", "String"), (2, "Texto multilinha", "BigString"), (4, "Número inteiro", "Integer"),
    (5, "Moeda", "Decimal"), (7, "Opções pré-cadastradas", "Integer"), (8, "Data", "DateTime"),
    (10, "Checkbox", "Bool"), (18, "Imagem", "String"), (901, "Número com casas decimais", "Decimal"),
    (902, "Porcentagem", "Decimal"), (903, "Usuário", "Integer"), (904, "Cliente", "Integer"),
    (905, "Produto", "Integer"), (906, "Anexo", "Integer"),
)  # fmt: skip
_PUBLISHED_TYPES = 900
_PASSWORD = "sandbox"  # noqa: S105  the administrator's, a well-known value of a pretend vendor
_ENTITIES = (
    (1, "Cliente", "Clientes", "Contacts"), (2, "Negócio", "Negócios", "Deals"), (3, "Lead", "Leads", "Leads"),
    (4, "Venda", "Vendas", "Orders"), (5, "Seção de venda", "Seções de venda", "Orders@Sections"),
    (6, "Cotação", "Cotações", "Quotes"), (7, "Proposta", "Propostas", "Quotes"),
    (8, "Seção de cotação", "Seções de cotação", "Quotes@Sections"), (10, "Produto", "Produtos", "Products"),
    (12, "Tarefa", "Tarefas", "Tasks"), (14, "Produto da proposta", "Produtos da proposta", "Quotes@Products"),
    (20, "Produto da venda", "Produtos da venda", "Orders@Products"),
    (36, "Registro de interação", "Registros de interação", "InteractionRecords"),
    (66, "Documento", "Documentos", "Documents"),
)  # fmt: skip
_ACTIONS = ((1, "Create"), (2, "Update"), (3, "Delete"), (4, "Win"), (5, "Lose"), (6, "Reopen"), (7, "Finish"))
#: entity id -> (key, property, label, type id) of native fields.
_NATIVE_FIELDS = {
    1: (
        ("contact_name", "Name", "Nome", 1), ("contact_legal_name", "LegalName", "Razão social", 1),
        ("contact_register", "Register", "CNPJ/CPF", 1), ("contact_email", "Email", "E-mail", 1),
        ("contact_website", "Website", "Site", 1), ("contact_street_address", "StreetAddress", "Endereço", 1),
        ("contact_street_address_number", "StreetAddressNumber", "Número", 1),
        ("contact_street_address_line2", "StreetAddressLine2", "Complemento", 1),
        ("contact_neighborhood", "Neighborhood", "Bairro", 1), ("contact_zipcode", "ZipCode", "CEP", 4),
        ("contact_note", "Note", "Observações", 2), ("contact_cnae_code", "CNAECode", "CNAE", 1),
        ("contact_birthday", "Birthday", "Aniversário", 8), ("contact_status", "StatusId", "Status", 7),
        ("contact_origin", "OriginId", "Origem", 7), ("contact_owner", "OwnerId", "Responsável", 903),
    ),
    4: (
        ("order_number", "OrderNumber", "Número", 4), ("order_date", "Date", "Data", 8),
        ("order_amount", "Amount", "Valor", 5), ("order_discount", "Discount", "Desconto", 902),
        ("order_description", "Description", "Descrição", 2), ("order_stage", "StageId", "Estágio", 7),
        ("order_owner", "OwnerId", "Responsável", 903),
    ),
    10: (
        ("product_name", "Name", "Nome", 1), ("product_code", "Code", "Código", 1),
        ("product_measurement_unit", "MeasurementUnit", "Unidade de medida", 1),
        ("product_unit_price", "UnitPrice", "Preço unitário", 5),
    ),
}  # fmt: skip
_NAMES: dict[str, tuple[str, ...]] = {
    "Contacts@Origins": ("Indicação", "Site", "Evento"),
    "Contacts@LinesOfBusiness": ("Comércio", "Indústria", "Serviços"),
    "Contacts@NumbersOfEmployees": ("1 a 10", "11 a 50", "51 a 200", "Mais de 200"),
    "Contacts@Relationships": ("Cliente", "Parceiro", "Revendedor", "Fornecedor"),
    "Departments": ("Comercial", "Compras", "Financeiro"),
    "Roles": ("Comprador", "Diretor", "Gerente"),
    "Products@Families": ("Produtos", "Serviços"),
    "Orders@Stages": ("Pedido de Venda", "Separar Estoque", "Faturado", "Entrega"),
}
_SEQUENCES: dict[str, tuple[str, ...]] = {
    "Contacts@Types": ("Empresa", "Pessoa"),
    "PhoneTypes": ("Comercial", "Celular", "Residencial", "Fax"),
    "Users@Profiles": ("Administrador", "Usuário"),
    "Deals@Status": ("Em aberto", "Ganha", "Perdida"),
}


def put(account: Account, set_name: str, **given: Any) -> Row:
    """Stores a row as it stands, with the set's defaults, outside the API's rules."""
    entity_set = SETS[set_name]
    row: Row = {prop.name: prop.default for prop in entity_set.props.values()}
    row |= {name: [] for name in entity_set.children} | given
    if row["Id"] is None:
        row["Id"] = account.kernel.ploomes_id()
    for name in ("CreateDate", "LastUpdateDate", "UpdateDate"):
        if name in row:
            row[name] = account.now()
    account.sets[set_name][row[entity_set.key]] = row
    return row


def new_account(kernel: Kernel, user_key: str) -> Account:
    """An account with its reference sets, an integration user who owns `user_key`, and an administrator."""
    account = Account(kernel, 1_000_000 + kernel.ploomes_id() % 1_000_000, user_key)
    for name, names in _SEQUENCES.items():
        # Which phone types exist is published, their ids are not (ploomes-api.md 2).
        shift = int(kernel.quirks.ploomes_invented_ids_shift) if name == "PhoneTypes" else 0
        for number, text in enumerate(names, 1):
            put(account, name, Id=number + shift, Name=text)
    account.sets["Users@Profiles"][2]["FieldsCreatePermission"] = False
    _people(account, user_key)
    _places(account)
    _fields(account)
    for name, names in _NAMES.items():
        for place, text in enumerate(names):
            more = {"Ordination": place} if name == "Orders@Stages" else {}
            put(account, name, Name=text, **more)
    for text, colour in (("Ativo", "#3CB371"), ("Inativo", "#B0B0B0"), ("Prospect", "#4682B4")):
        put(account, "Contacts@Status", Name=text, Color=colour)
    for number, text in enumerate(("Sem classificação", "1 estrela", "2 estrelas", "3 estrelas")):
        put(account, "Contacts@Classes", Id=number, Name=text)
    for number, text in _ACTIONS:
        put(account, "Webhooks@Actions", Id=number, Name=text)
    for number, one, _, _ in _ENTITIES:
        put(account, "Tags@Entities", Id=number, Name=one)
    put(account, "Integrations", Id=2, Name="Omie")
    pipeline = put(account, "Deals@Pipelines", Name="Funil de vendas")
    for place, text in enumerate(("Contato", "Proposta", "Negociação")):
        put(account, "Deals@Stages", Name=text, PipelineId=pipeline["Id"], Ordination=place)
    for text in ("Preço", "Prazo"):
        put(account, "Deals@LossReasons", Name=text, PipelineId=pipeline["Id"])
    for text in ("E-mail", "Ligação", "Reunião", "Visita"):
        put(account, "Tasks@Types", Name=text)
    put(account, "Attachments@Folders", Name="Geral")
    return account


def _people(account: Account, user_key: str) -> None:
    put(account, "Account", Id=account.id, Name="Conta Modelo", Register="11222333000181", CurrencyId=1, PlanId=4,
        NextOrderNumber=1)  # fmt: skip
    put(account, "Users", Name="Integração", Email="integracao@empresa.com.br", ProfileId=1, Integration=True,
        UserKey=user_key)  # fmt: skip
    put(account, "Users", Name="Administrador", Email="admin@empresa.com.br", ProfileId=1, AccountOwner=True,
        UserKey=f"{user_key}-admin", Password=_PASSWORD)  # fmt: skip


def _places(account: Account) -> None:
    for land in countries():
        mask = "(00) 00000-0000" if land.iso2 == "BR" else None
        put(account, "Cities@Countries", Id=int(land.iso_number), Name=land.name, Short1=land.iso2, Short2=land.iso3,
            PhoneMask=mask)  # fmt: skip
    state_ids = {state.uf: number for number, state in enumerate(states(), 1)}
    for state in states():
        put(account, "Cities@Countries@States", Id=state_ids[state.uf], Name=state.name, Short=state.uf, CountryId=76)
    for number, city in enumerate(cities(), 9001):
        put(account, "Cities", Id=number, Name=city.name, StateId=state_ids[city.uf], CountryId=76,
            IBGECode=int(city.ibge))  # fmt: skip
    for number, (name, symbol, code) in enumerate(
        (("Real", "R$", "BRL"), ("Dólar americano", "US$", "USD"), ("Euro", "€", "EUR")), 1
    ):
        put(account, "Currencies", Id=number, Name=name, Symbol=symbol, Code=code, Editable=False)


def _fields(account: Account) -> None:
    shift = int(account.kernel.quirks.ploomes_invented_ids_shift)
    for published, name, native in _FIELD_TYPES:
        number = published + shift if published > _PUBLISHED_TYPES else published
        put(account, "Fields@Types", Id=number, Name=name, NativeType=native, Listable=number == 7,
            Multipliable=number == 7)  # fmt: skip
    for number, one, several, url in _ENTITIES:
        put(account, "Fields@Entities", Id=number, Name=one, ApiUrl=url, SingularUnitName=one, PluralUnitName=several,
            DefaultPropertyName="Id", DisplayPropertyName="Name", Importable=number in (1, 10))  # fmt: skip
    for entity_id, natives in _NATIVE_FIELDS.items():
        form = put(account, "Forms", Name=f"Formulário de {dict((e[0], e[1]) for e in _ENTITIES)[entity_id]}",
                   EntityId=entity_id)  # fmt: skip
        for place, (key, name, label, type_id) in enumerate(natives):
            put(account, "Fields", Key=key, Name=label, Label=label, EntityId=entity_id,
                TypeId=type_id + shift if type_id > _PUBLISHED_TYPES else type_id,
                Dynamic=False, Permanent=True, PropertyName=name, UpdatePropertyName=name)  # fmt: skip
            put(account, "Forms@Fields", FormId=form["Id"], FieldKey=key, Ordination=place)

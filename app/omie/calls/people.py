"""Clients (with their tags and characteristics) and sellers (Omie reference 3.1, 3.2, 3.7). Data."""

from app.core.ports import JsonObject
from app.omie import schemas
from app.omie.rows import BY_DAY, BY_HOUR, ByCode, Consult, Listing, Search, Set, Verb, array, bare, by_code, same

CHARACTERISTICS = "geral/clientescaract/"
TAGS = "geral/clientetag/"


def _tagged(tag: str) -> JsonObject:
    return {"clientesFiltro": {"tags": [{"tag": tag}]}}


CLIENTS = Set(
    service="geral/clientes/",
    id_fields=("codigo_cliente_omie",),
    nouns=("cliente", "fornecedor"),
    consult=Consult("ConsultarCliente", ("codigo_cliente_omie",)),
    listing=Listing(
        "ListarClientes",
        array("clientes_cadastro"),
        # without the last two a list answers notes and characteristics as if there were none (reference 3.1)
        param={"apenas_importado_api": "N", "exibir_obs": "S", "exibir_caracteristicas": "S"},
        since=BY_HOUR,
        narrow={"tag": _tagged},
    ),
    by_code=ByCode("clientesPorCodigo", "codigo_cliente_omie"),
    searches={
        "document": Search(
            lambda key: {"clientesFiltro": {"cnpj_cpf": bare(key.value)}},
            lambda row, key: bare(row.get("cnpj_cpf")) == bare(key.value),
        ),
        "integration_code": by_code("codigo_cliente_integracao", "codigo_cliente_integracao"),
        "tag": Search(
            lambda key: _tagged(key.value),
            lambda row, key: any(same("tag")(tag, key) for tag in row.get("tags") or ()),
            every=True,
        ),
    },
    verbs={
        "create": Verb(
            "IncluirCliente",
            schemas.CLIENT_CREATE,
            answers=("codigo_cliente_omie",),
            required=("codigo_cliente_integracao", "razao_social"),
        ),
        "update": Verb("AlterarCliente", schemas.CLIENT, "codigo_cliente_omie"),
        "delete": Verb("ExcluirCliente", schemas.NOTHING, "codigo_cliente_omie"),
        "associate_code": Verb("AssociarCodIntCliente", schemas.ASSOCIATE, "codigo_cliente_omie"),
        "include_tags": Verb("IncluirTags", schemas.TAG_LIST, "nCodCliente", TAGS),
        "exclude_tags": Verb("ExcluirTags", schemas.TAG_LIST, "nCodCliente", TAGS),
        "include_characteristic": Verb(
            "IncluirCaractCliente", schemas.CHARACTERISTIC, "codigo_cliente_omie", CHARACTERISTICS
        ),
        "update_characteristic": Verb(
            "AlterarCaractCliente", schemas.CHARACTERISTIC, "codigo_cliente_omie", CHARACTERISTICS
        ),
        "exclude_characteristic": Verb(
            "ExcluirCaractCliente", schemas.CHARACTERISTIC, "codigo_cliente_omie", CHARACTERISTICS
        ),
    },
)

CLIENT_TAGS = Set(
    service=TAGS,
    id_fields=("nCodTag",),
    nouns=("tag",),
    listing=Listing(
        "ListarTags",
        array("tagsLista"),
        None,
        narrow={"client": lambda client: {"nCodCliente": int(client)}},
        needs="client",
    ),
)

SELLERS = Set(
    service="geral/vendedores/",
    id_fields=("codigo",),
    nouns=("vendedor",),
    consult=Consult("ConsultarVendedor", ("codigo",)),
    listing=Listing("ListarVendedores", array("cadastro"), param={"apenas_importado_api": "N"}, since=BY_DAY),
    searches={
        "email": Search(lambda key: {"filtrar_por_email": key.value}, same("email")),
        "name": Search(lambda key: {"filtrar_por_nome": key.value}, same("nome"), every=True),
    },
)

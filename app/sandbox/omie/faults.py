"""Omie's faults with the texts, codes and HTTP statuses of omie-api.md 1.3 and 1.4."""

from typing import Any

_CLIENT = "SOAP-ENV:Client-"


class Fault(Exception):
    """A call that Omie answers with faultstring and faultcode; counts as an erroring request unless `free`."""

    def __init__(self, text: str, code: str | int, status: int = 500, *, cause: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = f"{_CLIENT}{code}" if isinstance(code, int) else code
        self.status = status
        self.cause = cause
        self.sort = ""
        """`duplicate` or `missing` where the reference doubts the code or the text; a switch may change it."""
        """The limit that refused the call, as the counters name it; None for business faults."""

    def sorted_as(self, sort: str) -> "Fault":
        """Itself, of that sort."""
        self.sort = sort
        return self


def no_records(page: int) -> Fault:
    """An empty list is an error."""
    return Fault(f"ERROR: Não existem registros para a página [{page}]!", 5113)


def client_not_found(omie_id: int) -> Fault:
    """By integration code the text says zero (sic)."""
    return Fault(f"ERROR: Cliente não cadastrado para o Código [{omie_id}] !", 105)


def duplicate_document(document: str, omie_id: int, code: str, suffix: str) -> Fault:
    """Names the id and code of the record that has the document."""
    return Fault(
        f"ERROR: Cliente já cadastrado para o CPF/CNPJ [{document}] com o Id [{omie_id}]"
        f" e código de integração [{code}] ! ({suffix})",
        102,
    ).sorted_as("duplicate")


def duplicate_code(thing: str, code: str, *, feminine: bool = False) -> Fault:
    """The integration code belongs to another record."""
    known = "cadastrada" if feminine else "cadastrado"
    return Fault(f"ERROR: {thing} já {known} para o Código de Integração [{code}] !", 102).sorted_as("duplicate")


def missing_reference(thing: str, code: Any, tag: str, *, feminine: bool = False) -> Fault:
    """Something the record refers to does not exist; the text names the request's tag."""
    known = "cadastrada" if feminine else "cadastrado"
    return Fault(f"ERROR: {thing} não {known} para o Código [{code}] ! - tag: [{tag}]", 105)


def not_found(thing: str, code: Any, *, feminine: bool = False) -> Fault:
    """The record itself does not exist."""
    return Fault(
        f"ERROR: {thing} não {'cadastrada' if feminine else 'cadastrado'} para o Código [{code}] !", 105
    ).sorted_as("missing")


def taken_code(code: str, omie_id: int) -> Fault:
    """Another product has this SKU."""
    return Fault(
        f"ERROR: O código {code} informado já está sendo utilizado pelo produto com ID {omie_id}.", 102
    ).sorted_as("duplicate")


def taken_description(code: str) -> Fault:
    """Another product has this description."""
    return Fault(f"ERROR: A descrição informada já está sendo utilizada pelo produto com código {code}.", 143)


def only_on_change(tag: str) -> Fault:
    """An id that belongs to an alteration was sent with an inclusion."""
    return only_when(tag, "for uma alteração")


def only_when(tag: str, case: str) -> Fault:
    """A tag that goes with another's value only."""
    return Fault(f"ERROR: A tag [{tag}] somente deve ser informada quando {case} !", 1020)


def in_use(thing: str) -> Fault:
    """A record that others name cannot be deleted."""
    return Fault(f"ERROR: Não é possível excluir {thing} pois existem registros associados !", 2003)


def no_stock_location(code: Any) -> Fault:
    """Unknown stock location."""
    return Fault(
        f"ERROR: Local do Estoque não cadastrado para o Código [{code}] !\n- tag: [codigo_local_estoque]", 1070
    )


def required(*tags: str) -> Fault:
    """A mandatory tag, or one of several, is missing."""
    named = " ou ".join(f"[{tag}]" for tag in tags)
    return Fault(f"ERROR: O preenchimento da tag {named} é obrigatório!", 1000)


def too_long(tag: str, size: int) -> Fault:
    """Nothing is truncated: the whole call is refused."""
    return Fault(f"ERROR: O número máximo de caracteres permitido para o elemento [{tag}] é de {size} !", 1001)


def unknown_tag(tag: str, complex_type: str) -> Fault:
    """The tag comes back in upper case with the method's type name."""
    return Fault(f"ERROR: Tag [{tag.upper()}] não faz parte da estrutura do tipo complexo [{complex_type}]!", 5001)


def invalid(tag: str, accepted: str) -> Fault:
    """A value outside its list, or of the wrong kind; the text says what is accepted."""
    return Fault(f"ERROR: Preenchimento inválido da tag [{tag}]. Informe {accepted} !", 105)


INVALID_DOCUMENT = ("ERROR: O CNPJ ou CPF informado está inválido.", 206)
EMPTY_PARAM = ("ERROR: Nenhum parâmetro foi recebido em WS_PARAMS!", 71)
BAD_JSON = ("ERROR: JSON request with SyntaxError", 72)
BAD_OBJECT = ("ERROR: Invalid JSON Object", 72)
PROTECTED = ("ERROR: Não é possível alterar esse código de integração (Cliente Consumidor)!", 2001)
NO_CITY = "ERROR: Cidade não encontrada ! - tag: [{tag}]"
HAS_MOVEMENTS = (
    "ERROR: Não é possível excluir o cliente pois existem movimentos (pedidos ou títulos) associados a ele !",
    2002,
)
REFUSED_KEY = ("A chave de acesso está inválida ou o aplicativo está suspenso.", "SOAP-ENV:Server", 403)


def unknown_method(call: str) -> Fault:
    """The service has no such call."""
    return Fault(f"ERROR: Method {call!s} not exists", 5003)


def redundant(seconds: int, clock_time: str, wording: str, cause: str) -> Fault:
    """Same call and param within 60 s, or a record altered too often; two wordings exist."""
    if wording == "clock":
        return Fault(
            "ERROR: Esta requisição já foi processada ou está sendo processada e você pode tentar novamente"
            f" às {clock_time}. (1)",
            8020,
            cause=cause,
        )
    return Fault(
        f"ERROR: Consumo redundante detectado. Aguarde {seconds} segundos para tentar novamente (REDUNDANT).",
        6,
        cause=cause,
    )


def busy() -> Fault:
    """Another call of this method is in flight."""
    return Fault(
        "ERROR: Já existe uma requisição desse método sendo executada e você pode tentar novamente em alguns"
        " instantes. (1)",
        1880,
        cause="busy",
    )


def too_many(cause: str) -> Fault:
    """A minute limit or the four simultaneous calls (status 429)."""
    return Fault("ERROR: Too Many Requests. Limite de requisições atingido.", 429, 429, cause=cause)


def blocked(seconds: int) -> Fault:
    """Blocked for misuse (status 425)."""
    return Fault(
        f"ERROR: API bloqueada por consumo indevido. Tente novamente em {seconds} segundos.",
        "MISUSE_API_PROCESS",
        425,
        cause="block",
    )

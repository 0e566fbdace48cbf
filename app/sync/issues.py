"""Issues: one open row per record and cause, in Portuguese, closing itself on success. Texts are a table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Vendor
from app.sync.models import Issue


@dataclass(frozen=True, slots=True)
class Cause:
    """What an issue of one cause says; `detail` comes with each occurrence."""

    title: str
    fix: str
    who: str
    asks: tuple[str, ...] = ()
    duty: str | None = None
    """The duty of the watch that opens and closes it, where no event does."""


UNPROVED = "link_unproved"
"""Cause of the issue of a pair that nobody read and of which one record is not there."""
CAUSES: dict[str, Cause] = {
    "refused": Cause(
        "O registro foi recusado",
        "Corrija os dados indicados na mensagem e salve o registro; o envio é repetido sozinho.",
        "vendas",
    ),
    "duplicate_document": Cause(
        "Dois registros com o mesmo CNPJ/CPF",
        "Una os cadastros ou corrija o documento de um deles; cada documento tem um só vínculo.",
        "vendas",
    ),
    "inactive_seller": Cause(
        "O responsável está inativo no Omie",
        "Reative o vendedor no Omie ou escolha outro responsável no Ploomes.",
        "admin",
    ),
    "missing_status": Cause(
        "Falta um status de cliente no Ploomes",
        "Crie o status no Ploomes, ative a integração de novo e use “tentar de novo”.",
        "admin",
    ),
    "conflict": Cause(
        "Os dois lados mudaram o mesmo campo",
        "Escolha qual valor vale: o do Omie ou o do Ploomes.",
        "vendas",
        ("omie", "ploomes"),
    ),
    "oscillation": Cause(
        "Duas automações disputam um campo",
        "Verifique as automações do Omie e do Ploomes que alteram este campo; depois use “tentar de novo”.",
        "admin",
    ),
    "delete_refused": Cause(
        "A exclusão foi recusada; o registro foi inativado",
        "Exclua ou trate os lançamentos ligados ao registro, se a exclusão ainda for desejada.",
        "vendas",
    ),
    "delete_edited": Cause(
        "Excluído de um lado e editado do outro",
        "Decida: excluir também do outro lado ou manter o registro sem vínculo.",
        "vendas",
        ("proceed", "discard"),
    ),
    "delete_paused": Cause(
        "Exclusões demais em pouco tempo",
        "Confirme se estas exclusões são intencionais.",
        "admin",
        ("proceed", "discard"),
    ),
    UNPROVED: Cause(
        "Um vínculo feito à mão aponta para um registro que não existe",
        "Confira os códigos e vincule os registros certos; a pendência se encerra sozinha. Para deixar o registro sem "
        "vínculo, escolha “discard”.",
        "admin",
        ("discard",),
    ),
    "inactive_code": Cause(
        "Um código da configuração está inativo ou não existe mais",
        "Escolha outro código na configuração, ou reative este, antes que uma venda falhe.",
        "admin",
        duty="codes",
    ),
    "scope_overlap": Cause(
        "As vendas aguardam: outra integração desta conta também as levaria",
        "Escolha em scope.orders um campo que diz a empresa, com um valor diferente em cada integração.",
        "admin",
    ),
    "other_company": Cause(
        "A venda já está em outra empresa",
        "Cancele o pedido na outra empresa para a venda passar para esta, ou devolva à venda a empresa de antes.",
        "vendas",
    ),
    "mapping_suspended": Cause(
        "Um campo mapeado foi apagado no Ploomes",
        "Mapeie outro campo, ou crie de novo o campo pelo mapeamento. Nada foi apagado no Omie.",
        "admin",
        duty="fields",
    ),
    "provision_lost": Cause(
        "Algo que a integração preparou no Ploomes foi apagado",
        "O que foi criado de novo não pede nada; evite apenas que se repita. Se algo não pôde ser criado, dê ao "
        "usuário da integração a permissão que falta no Ploomes: a tentativa se repete, ou use “tentar de novo”.",
        "admin",
        duty="provisioned",
    ),
    "unknown_option": Cause(
        "Um campo de opções tem um valor sem correspondência",
        "Escolha no Ploomes uma das opções do Omie, ou publique a configuração de novo para igualar as opções.",
        "admin",
    ),
    "preflight": Cause(
        "A venda espera por dados",
        "Corrija o que o detalhe indica; o envio acontece sozinho.",
        "vendas",
    ),
    "cents_differ": Cause(
        "Os totais do Omie e do Ploomes diferem",
        "Confira a linha indicada nos dois sistemas; ao igualar os valores a pendência se encerra.",
        "financeiro",
    ),
    "terms_differ": Cause(
        "As parcelas no Omie não são as enviadas",
        "Confira a condição de pagamento do documento no Omie.",
        "financeiro",
    ),
    "document_invoiced": Cause(
        "Documento faturado não é alterado",
        "Trate a mudança no Omie. Escolha “omie” para desfazê-la na venda ou “discard” para deixar como está.",
        "financeiro",
        ("omie", "discard"),
    ),
    "document_cancelled": Cause(
        "A venda mudou, mas seu documento está cancelado",
        "Escolha “proceed” para criar um novo documento, ou “discard” para deixar como está.",
        "vendas",
        ("proceed", "discard"),
    ),
    "delete_invoiced": Cause(
        "Venda excluída com documento faturado",
        "O Ponte nunca cancela o que foi faturado: cancele no Omie, ou escolha “discard” para mantê-lo sem vínculo.",
        "financeiro",
        ("discard",),
    ),
    "product_not_linked": Cause(
        "Um item do documento não tem produto no Ploomes",
        "Sincronize o produto; depois use “tentar de novo”.",
        "admin",
    ),
    "order_waits": Cause(
        "Um pedido do Omie espera por outro cadastro",
        "Resolva a pendência do cliente ou produto indicado; o pedido segue sozinho.",
        "admin",
    ),
    "vendor_failing": Cause(
        "O outro sistema não responde como deveria",
        "Nada a fazer agora: as tentativas continuam sozinhas. Se persistir, contate o suporte do sistema indicado.",
        "suporte",
    ),
    "first_load_failed": Cause(
        "A carga inicial falhou",
        "Veja o motivo no detalhe. A carga é tentada de novo uma vez por dia; para tentar já, ative a integração.",
        "suporte",
    ),
    "webhooks_silent_omie": Cause(
        "Os webhooks do Omie pararam",
        "No portal developer.omie.com.br, abra o aplicativo, menu Webhooks: confira se o endereço desta integração "
        "está cadastrado, ativo e com os tópicos marcados; se estiver suspenso por falhas, ative-o de novo e salve, o "
        "que envia um teste. Enquanto isso a varredura roda a cada dois minutos e nada se perde.",
        "admin",
    ),
    "webhooks_silent_ploomes": Cause(
        "Os webhooks do Ploomes pararam",
        "Ative a integração de novo: ela confere e recria os webhooks no Ploomes. Enquanto isso a varredura roda a "
        "cada dois minutos e nada se perde.",
        "admin",
    ),
    "resync_failed": Cause(
        "Uma carga completa falhou",
        "Veja o motivo no detalhe. A carga é tentada de novo uma vez por dia, de onde parou.",
        "suporte",
    ),
    "resync_deletes": Cause(
        "A carga excluiria registros demais",
        "Veja o plano da carga. Confirme as exclusões, ou descarte-as e mantenha os registros.",
        "admin",
        ("proceed", "discard"),
    ),
    "resync_above_plan": Cause(
        "A carga grava mais do que o plano previa",
        "Algo mudou desde o plano. Continue, ou descarte a carga e peça outra.",
        "admin",
        ("proceed", "discard"),
    ),
    "resync_cut": Cause(
        "Uma lista terminou antes do fim",
        "Continue sem excluir nada por ausência, ou descarte a carga e peça outra mais tarde.",
        "admin",
        ("proceed", "discard"),
    ),
    "resync_empty": Cause(
        "Uma lista veio vazia, mas há registros vinculados",
        "Confira se o cadastro foi mesmo esvaziado e se a chave ainda pode vê-lo. Continue para tratar os registros "
        "como excluídos (exclusões demais ainda pedem confirmação), ou descarte a carga.",
        "admin",
        ("proceed", "discard"),
    ),
    "reconcile_missed": Cause(
        "A conferência noturna não roda há duas noites",
        "Retome ou cancele a carga indicada, ou responda à pergunta dela; a conferência volta sozinha.",
        "admin",
    ),
    "values_failed": Cause(
        "A importação de valores falhou",
        "Veja o motivo no detalhe. Ela é tentada de novo uma vez por dia; para tentar já, importe a tabela de novo.",
        "suporte",
    ),
    "stock_refresh_failed": Cause(
        "A atualização de estoque falhou",
        "Veja o motivo no detalhe. Ela é tentada de novo uma vez por dia; para tentar já, peça-a de novo.",
        "suporte",
    ),
    "self_test_failed": Cause(
        "O autoteste não terminou",
        "Veja o motivo no detalhe e comece o autoteste de novo; apague o cliente de teste, se ficou.",
        "admin",
    ),
    "credentials": Cause(
        "As credenciais foram recusadas",
        "Informe credenciais válidas nesta integração.",
        "admin",
        duty="credentials",
    ),
    "unknown_fault": Cause(
        "Resposta desconhecida do outro sistema",
        "Leia a mensagem original; corrija o registro ou informe o suporte, e use “tentar de novo”.",
        "suporte",
    ),
    "quarantine": Cause(
        "O processamento foi interrompido várias vezes", "Informe o suporte com o número do evento.", "suporte"
    ),
    "internal": Cause("Falha interna ao processar o registro", "Informe o suporte com o número do evento.", "suporte"),
}
"""Every cause there is. `who`: who can mend it."""
REFUSED = ("refused", "unknown_fault")
"""Causes of issues about a record that a vendor refused."""
REFUSED_BY = "refused_by"
"""Where the data of such an issue says which vendor it was."""
DUTY_OF: Mapping[str, str] = {name: cause.duty for name, cause in CAUSES.items() if cause.duty is not None}


@dataclass(frozen=True, slots=True)
class Finding:
    """An occurrence of a cause on a record, ready to be opened."""

    cause: str
    detail: str
    data: dict[str, Any] = field(default_factory=dict)
    home: tuple[str, str] | None = None
    """The record (vendor, id) it is shown on, where not any record of its pair will do."""


async def open_issue(
    session: AsyncSession,
    *,
    integration_id: int,
    entity: str | None,
    vendor: Vendor | str | None,
    external_id: str | None,
    finding: Finding,
    now: datetime,
    link_id: int | None = None,
    event_id: int | None = None,
    asker: str | None = None,
) -> Issue:
    """Opens an issue, or brings the open one of the same record and cause up to date. `asker`: who asks, where several
    may ask the same and each waits for an answer of its own."""
    cause = CAUSES[finding.cause]
    key = f"{entity}:{vendor}:{external_id}:{finding.cause}" + (f":{asker}" if asker is not None else "")
    # locked, because the timeline in Ploomes keeps its own marks in `data`
    query = select(Issue).where(Issue.integration_id == integration_id, Issue.open_key == key).with_for_update()
    issue = (await session.execute(query)).scalars().first()
    if issue is None:
        issue = Issue(
            integration_id=integration_id,
            open_key=key,
            entity=entity,
            vendor=vendor and str(vendor),
            external_id=external_id,
            cause=finding.cause,
            title=cause.title,
            fix=cause.fix,
            who=cause.who,
            asks=list(cause.asks),
            opened_at=now,
            seen=0,
            data={},
            detail=finding.detail,
            updated_at=now,
        )
        session.add(issue)
    issue.detail = finding.detail
    issue.data = {**issue.data, **finding.data}
    issue.seen = (issue.seen or 0) + 1
    issue.updated_at = now
    issue.link_id, issue.event_id = link_id or issue.link_id, event_id or issue.event_id
    await session.flush()
    return issue


async def open_of(
    session: AsyncSession, integration_id: int, entity: str | None, records: Collection[tuple[str, str]]
) -> list[Issue]:
    """Open issues of the given (vendor, id) records."""
    query = select(Issue).where(
        Issue.integration_id == integration_id,
        Issue.entity == entity,
        Issue.open_key.is_not(None),
        Issue.external_id.in_([external_id for _, external_id in records]),
    )
    found = (await session.execute(query)).scalars()
    return [issue for issue in found if (issue.vendor, issue.external_id) in set(records)]


async def open_one(session: AsyncSession, integration_id: int, cause: str) -> Issue | None:
    """The open issue of a cause that belongs to the integration as a whole."""
    return await session.scalar(
        select(Issue).where(Issue.integration_id == integration_id, Issue.cause == cause, Issue.open_key.is_not(None))
    )


async def open_refusals(session: AsyncSession, integration_id: int, entity: str) -> list[Issue]:
    """Open issues of records of an entity that a vendor refused."""
    query = select(Issue).where(
        Issue.integration_id == integration_id,
        Issue.entity == entity,
        Issue.open_key.is_not(None),
        Issue.cause.in_(REFUSED),
    )
    return list(await session.scalars(query))


async def home_of(
    session: AsyncSession, integration_id: int, entity: str | None, records: Sequence[tuple[str, str]], finding: Finding
) -> tuple[str, str]:
    """The record on which trouble of a pair is shown: its own, where the same trouble is open, or the first one
    given."""
    if finding.home is not None:
        return finding.home
    found = await open_of(session, integration_id, entity, records)
    there = next((issue for issue in found if issue.cause == finding.cause), None)
    return (str(there.vendor), str(there.external_id)) if there is not None else records[0]


async def close_cause(session: AsyncSession, integration_id: int, cause: str, now: datetime) -> None:
    """Closes the open issues of a cause that belongs to the integration as a whole."""
    query = select(Issue).where(
        Issue.integration_id == integration_id, Issue.cause == cause, Issue.open_key.is_not(None)
    )
    for issue in await session.scalars(query):
        close(issue, now)


def close(issue: Issue, now: datetime) -> None:
    """Closes an issue; the same trouble later opens a new one."""
    issue.open_key = None
    issue.closed_at = now
    issue.updated_at = now

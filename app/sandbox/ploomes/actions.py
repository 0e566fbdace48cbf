"""The named actions as one table: uploads, comments, deals and tasks, owners, log-in (ploomes-api.md 1 and 3)."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from ..wire import Row
from . import events, uploads, values, writes
from .calls import Call, json
from .faults import Refusal, bad, missing
from .schema import SETS

Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Action:
    """How an action is called. `sets` empty: every set that has the navigation `needs`."""

    verb: str
    keyed: bool
    run: Handler
    sets: frozenset[str] = frozenset()
    needs: str = ""

    def fits(self, call: Call) -> bool:
        """True for a call of this action."""
        named = call.entity_set.name in self.sets if self.sets else self.needs in call.entity_set.navs
        return named and call.request.method == self.verb and (call.key is not None) == self.keyed


async def run(call: Call) -> Response:
    """Runs the action of a call; raises Refusal (404) for one that the set does not have."""
    name = call.action or ""
    if name.startswith("GetDeleted"):
        return _deleted(call)
    action = ACTIONS.get(name)
    if action is None or not action.fits(call):
        raise missing(f"Ação '{name}'")
    return await action.run(call)


def _deleted(call: Call) -> Response:
    """Deals show what was deleted; no other set is known to (ploomes-api.md 3.5 and 8)."""
    name = call.entity_set.name
    known = name == "Deals" or (call.account.kernel.quirks.ploomes_deleted_listed and name in call.account.deleted)
    if call.action != f"GetDeleted{name}" or call.request.method != "GET" or not known:
        raise missing(f"Ação '{call.action}'")
    return call.listed(call.account.deleted[name].ordered(), call.options())


async def _set_values(call: Call) -> Response:
    options, (stored, key) = call.options(), call.target()
    return call.one(writes.set_values(call.account, stored, key, await call.body(), call.user_id), options)


async def _attach(call: Call) -> Response:
    options, (stored, key) = call.options(), call.target()
    row = writes.find(call.account, stored, key)
    file, _ = await call.upload()
    await uploads.store(call.account, file, call.user_id, owner=(stored, row))
    return call.one(writes.change(call.account, stored, key, {}, call.user_id, webhooks=call.webhooks), options)


async def _set_image(call: Call) -> Response:
    options, (stored, key) = call.options(), call.target()
    row = writes.find(call.account, stored, key)
    file, _ = await call.upload()
    made = await uploads.store(call.account, file, call.user_id, owner=(stored, row))
    body = {"ImageUrl": made["Url"]}
    return call.one(writes.change(call.account, stored, key, body, call.user_id, webhooks=call.webhooks), options)


async def _put_in_folder(call: Call) -> Response:
    options = call.options(SETS["Attachments"])
    file, more = await call.upload()
    folder = call.request.query_params.get("folderId") or more.get("folderId") or ""
    if not folder.isdigit() or int(folder) not in call.account.sets["Attachments@Folders"]:
        raise bad("Informe uma pasta existente em folderId.")
    return call.one(await uploads.store(call.account, file, call.user_id, folder_id=int(folder)), options)


async def _comment(call: Call) -> Response:
    options, (stored, key) = call.options(), call.target()
    row, body = writes.find(call.account, stored, key), await call.body()
    external = call.action == "NewExternalComment"
    made = writes.create(call.account, SETS["Comments"], {"Content": body.get("Content")}, call.user_id)
    made |= {values.OWNER_COLUMN[stored.name]: row["Id"], "External": external}
    return call.one(row, options)


def _deal(status: int, event: str) -> Handler:
    async def move(call: Call) -> Response:
        options, (stored, key) = call.options(), call.target()
        row, body = writes.find(call.account, stored, key), await call.body()
        reason = body.get("LossReasonId")
        if event == "Lose" and reason not in call.account.sets["Deals@LossReasons"]:
            raise bad("Informe um motivo de perda existente em LossReasonId.")
        old = dict(row)
        finished = None if event == "Reopen" else call.account.now()
        row |= {"StatusId": status, "FinishDate": finished, "LossReasonId": reason if event == "Lose" else None}
        row |= {"LastUpdateDate": call.account.now(), "UpdaterId": call.user_id}
        events.fire(call.account, stored, event, old, row, call.user_id)
        return call.one(row, options)

    return move


async def _finish(call: Call) -> Response:
    options, (stored, key) = call.options(), call.target()
    row, body = writes.find(call.account, stored, key), await call.body()
    done, old = bool(body.get("Finished", True)), dict(row)
    row |= {"Finished": done, "FinishDate": call.account.now() if done else None, "Comments": body.get("Comments")}
    row |= {"LastUpdateDate": call.account.now(), "UpdaterId": call.user_id}
    events.fire(call.account, stored, "Finish", old, row, call.user_id)
    return call.one(row, options)


async def _owners(call: Call) -> Response:
    users = [user for user in call.account.sets["Users"].ordered() if not user["Suspended"]]
    return call.listed(users, call.options())


async def _is_duplicate(call: Call) -> Response:
    """Its reply is not public; the switch knows two readings (ploomes-api.md 8)."""
    reading = call.account.kernel.quirks.ploomes_is_duplicate
    if reading == "missing":
        raise missing("Ação 'IsDuplicate'")
    options = call.options()
    wanted = {name: _bare(value) for name, value in (await call.body()).items() if value not in (None, "")}
    unknown = set(wanted) - set(call.entity_set.props)
    if unknown:
        raise bad(f"Propriedade desconhecida: {', '.join(sorted(unknown))}.")
    rows = [
        row
        for row in call.account.sets["Contacts"].ordered()
        if any(_bare(row.get(name)) == value for name, value in wanted.items())
    ]
    return call.listed(rows, options) if reading == "rows" else json({"value": bool(rows)})


def _bare(value: object) -> str:
    return re.sub(r"\W", "", str(value)).casefold()


async def log_in(call: Call) -> Response:
    """`POST /Self/Login`: the key of whoever knows e-mail and password; needs no key itself."""
    return call.one(call.user, call.options())


def by_password(call_body: Row, users: list[Row]) -> Row:
    """The user with that e-mail and password; raises Refusal (401)."""
    email, password = call_body.get("Email"), call_body.get("Password")
    for user in users:
        if password and user["Password"] == password and user["Email"] == email and not user["Suspended"]:
            return user
    raise Refusal(401, "E-mail ou senha inválidos.")


ACTIONS: dict[str, Action] = {
    "UpdateOtherProperty": Action("POST", True, _set_values, needs="OtherProperties"),
    "UploadFile": Action("POST", True, _attach, needs="Attachments"),
    "UploadImage": Action("POST", True, _set_image, frozenset({"Products"})),
    "FormData": Action("POST", False, _put_in_folder, frozenset({"Attachments@Items"})),
    "NewComment": Action("POST", True, _comment, frozenset({"Orders", "InteractionRecords"})),
    "NewExternalComment": Action("POST", True, _comment, frozenset({"Orders"})),
    "Win": Action("POST", True, _deal(2, "Win"), frozenset({"Deals"})),
    "Lose": Action("POST", True, _deal(3, "Lose"), frozenset({"Deals"})),
    "Reopen": Action("POST", True, _deal(1, "Reopen"), frozenset({"Deals"})),
    "Finish": Action("POST", True, _finish, frozenset({"Tasks"})),
    "GetContactOwners": Action("GET", False, _owners, frozenset({"Users"})),
    "GetOrderOwners": Action("GET", False, _owners, frozenset({"Users"})),
    "IsDuplicate": Action("POST", False, _is_duplicate, frozenset({"Contacts"})),
}

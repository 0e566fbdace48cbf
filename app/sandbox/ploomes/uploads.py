"""Files: their row is kept, their content only counted (ploomes-api.md 3.11)."""

from starlette.datastructures import UploadFile

from ..wire import Row
from . import values
from .account import Account
from .schema import SETS, EntitySet


async def store(account: Account, file: UploadFile, user_id: int, *, owner: tuple[EntitySet, Row] | None = None,
                folder_id: int | None = None) -> Row:  # fmt: skip
    """A new attachment, hung on a record or put into a folder when told so."""
    content = await file.read()
    row: Row = {prop.name: prop.default for prop in SETS["Attachments"].props.values()}
    number = account.kernel.ploomes_id()
    name = file.filename or "arquivo"
    row |= {
        "Id": number, "FileName": name, "ContentType": file.content_type or "application/octet-stream",
        "ContentLength": len(content), "Url": f"https://files.ploomes.test/{number}/{name}", "FolderId": folder_id,
        "CreatorId": user_id, "CreateDate": account.now(),
    }  # fmt: skip
    if owner is not None:
        entity_set, record = owner
        row |= {
            "ItemId": record["Id"],
            "EntityId": entity_set.entity_id,
            values.OWNER_COLUMN[entity_set.name]: record["Id"],
        }
    account.sets["Attachments"][number] = row
    return row

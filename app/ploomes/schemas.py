"""Records as Ploomes answers them: what is fixed about names, value columns and times. Data.

Facts: Ploomes reference 1 (dates), 3.7 and 3.8 (custom values). Records are plain dictionaries.
"""

from zoneinfo import ZoneInfo

LOCAL_TIME = ZoneInfo("America/Sao_Paulo")
"""What a time without an offset is read as."""

VALUE_COLUMNS = (
    "StringValue", "BigStringValue", "IntegerValue", "DecimalValue", "DateTimeValue", "BoolValue", "ObjectValueId",
    "ObjectValueName", "UserValueId", "UserValueName", "ContactValueId", "ProductValueId", "AttachmentValueId",
    "CurrencyValueId",
)  # fmt: skip
"""Value columns of a custom property row; all but one or two are null."""

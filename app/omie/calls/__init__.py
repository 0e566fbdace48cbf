"""Which Omie calls serve which set, and how: one row per set (Omie reference 1.2, 2, 3). Adding a set adds a row. Data.

Every list says `apenas_importado_api: "N"` where the call knows it: Omie's default hides records (F278).
"""

from collections.abc import Mapping

from app.omie.calls import catalogue, documents, people
from app.omie.calls.lists import LISTS
from app.omie.rows import Set

SETS: Mapping[str, Set] = {
    "clients": people.CLIENTS,
    "client_tags": people.CLIENT_TAGS,
    "sellers": people.SELLERS,
    "products": catalogue.PRODUCTS,
    "families": catalogue.FAMILIES,
    "services": catalogue.SERVICES,
    "stock": catalogue.STOCK,
    "stock_positions": catalogue.STOCK_POSITIONS,
    "stock_summaries": catalogue.STOCK_SUMMARIES,
    "stock_locations": catalogue.STOCK_LOCATIONS,
    "orders": documents.ORDERS,
    "order_states": documents.ORDER_STATES,
    "order_moves": documents.ORDER_MOVES,
    "service_orders": documents.SERVICE_ORDERS,
    "service_order_states": documents.SERVICE_ORDER_STATES,
    **LISTS,
}
"""By the names the gateway is called with."""

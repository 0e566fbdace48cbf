"""Characters that columns take whose texts people or vendors make up; what may be longer goes through `wire.fitted`."""

LANE, LINK_KEY, ITEM_KEY, KNOWN_KEY = 160, 80, 80, 200

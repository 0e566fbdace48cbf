"""What both pretend vendors share: time, chance, ids, switches, trouble, counters and the postman."""

import itertools
import random
import unicodedata
import uuid
from collections.abc import Iterator

from .clock import SandboxClock
from .counters import Counters
from .courier import Courier
from .quirks import Quirks
from .trouble import Trouble


class Kernel:
    """One per sandbox; handed to every Omie app and Ploomes account."""

    def __init__(self, clock: SandboxClock, courier: Courier, random_seed: int) -> None:
        self.clock = clock
        self.courier = courier
        self.random_seed = random_seed
        self.quirks = Quirks()
        self.trouble: Trouble = courier.trouble
        self.counters = Counters()
        self.restart()

    def restart(self) -> None:
        """Same seed, same ids, same chances as at the start; switches, rules, counters and post are cleared."""
        self.random = random.Random(self.random_seed)
        # Omie: increasing 10-digit integers; Ploomes: 8 to 10 digits (omie-api.md 5, ploomes-api.md 2).
        self._omie_ids: Iterator[int] = itertools.count(4_120_700_013, 17)
        self._ploomes_ids: Iterator[int] = itertools.count(40_310_001, 3)
        self.quirks.clear()
        self.trouble.remove()
        self.counters.forget()
        self.courier.clear()

    def omie_id(self) -> int:
        """The next Omie id, unique over all apps so that a mix-up of accounts shows."""
        return next(self._omie_ids)

    def ploomes_id(self) -> int:
        """The next Ploomes id, unique over all accounts and sets."""
        return next(self._ploomes_ids)

    def uuid(self) -> str:
        """A random uuid4, repeatable by seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def fold(text: str) -> str:
    """Lower case without accents or outer spaces, for comparing names the way the vendors do."""
    plain = unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode()
    return " ".join(plain.lower().split())

"""Which of Ploomes' limits a call draws on, and what its 429 teaches. Rows; facts: Ploomes reference 1, design 6."""

from app.core.errors import Fault
from app.core.limit_rules import Budget, Penalty, Rules
from app.core.limit_store import Form

ACCOUNT = "ploomes:{account}"

BUDGETS = (
    Budget("closed", Form.GATE, ACCOUNT, "O Ploomes pediu uma pausa nas chamadas desta conta."),
    Budget(
        "account_second", Form.WINDOW, ACCOUNT, "Limite de 6 chamadas por segundo desta conta do Ploomes.",
        limit=6, window=1.0, graded=True,
    ),
    Budget(
        "account_pace", Form.PACE, ACCOUNT, "Ritmo por minuto que esta conta do Ploomes aceita.",
        limit=100, window=60.0, graded=True, documented=120,
    ),
)  # fmt: skip
"""The pace starts at 100 a minute after a 429 and climbs 10 % per clean hour, staying under the rate that failed."""


PENALTIES = (Penalty(Fault.RATE_LIMITED, ACCOUNT, 60.0, stored=True, slows=True),)

RULES = Rules("ploomes", BUDGETS, PENALTIES)

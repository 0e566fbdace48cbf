"""Which of Omie's limits a call draws on, and what its refusals close. Rows; facts: Omie reference 1.5, design 6.

Windows count from the end of a call, so that a slow one cannot reach Omie inside its successor's window.
"""

from app.core.errors import Fault
from app.core.limit_rules import Budget, Penalty, Rules
from app.core.limit_store import Form

APP = "omie:{account}"
METHOD = "omie:{account}:{method}"
SAME_CALL = "omie:{account}:{method}:{param}"
RECORD = "omie:{account}:record:{record}"

BUDGETS = (
    Budget("closed", Form.GATE, APP, "Os limites desta conta do Omie estão sendo recontados após uma interrupção."),
    Budget("block", Form.GATE, METHOD, "O Omie bloqueou este método por algum tempo."),
    Budget("record_pause", Form.GATE, RECORD, "O Omie pediu uma pausa antes de alterar este registro de novo."),
    Budget("repeated", Form.GATE, SAME_CALL, "O Omie pediu para aguardar antes de repetir a mesma chamada."),
    Budget(
        "errors", Form.ERRORS, METHOD, "Muitas recusas recentes do Omie neste método; ele descansa para não bloquear.",
        limit=8, window=1800.0, live_reserve=3,
    ),
    Budget(
        "redundancy", Form.WINDOW, SAME_CALL, "O Omie só aceita a mesma chamada de novo após 60 segundos.",
        limit=1, window=60.0,
    ),
    Budget(
        "record_minute", Form.WINDOW, RECORD, "O Omie aceita poucas alterações por minuto no mesmo registro.",
        limit=3, window=60.0,
    ),
    Budget(
        "record_gap", Form.WINDOW, RECORD, "Duas alterações do mesmo registro no Omie ficam 20 segundos separadas.",
        limit=1, window=20.0,
    ),
    Budget(
        "method_minute", Form.WINDOW, METHOD, "Limite de 240 chamadas por minuto deste método do Omie.",
        limit=240, window=60.0, graded=True,
    ),
    Budget(
        "address_minute", Form.WINDOW, "omie", "Limite de 960 chamadas por minuto ao Omie.",
        limit=960, window=60.0, graded=True, shared=True,
    ),
    Budget("app_flight", Form.FLIGHT, APP, "Quatro chamadas ao Omie já estão em andamento.", limit=4, graded=True),
    Budget("method_flight", Form.FLIGHT, METHOD, "Outra chamada deste método do Omie está em andamento.", limit=1),
)  # fmt: skip


PENALTIES = (
    Penalty(Fault.BLOCKED, METHOD, 1800.0, stored=True),
    Penalty(Fault.RATE_LIMITED, METHOD, 60.0, stored=True),
    Penalty(Fault.BUSY, METHOD, 5.0, margin=0.0),
    Penalty(Fault.REDUNDANT, SAME_CALL, 60.0),
    Penalty(Fault.REDUNDANT, RECORD, 60.0, stored=True),
)

RULES = Rules("omie", BUDGETS, PENALTIES)

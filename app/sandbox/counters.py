"""What each vendor was asked and what it refused, by cause: the evidence that a client obeyed the limits."""

from collections import Counter
from typing import Any

OMIE_CAUSES = ("redundant", "busy", "concurrency", "rate", "ip", "record", "block")
PLOOMES_CAUSES = ("rate",)
_CAUSES = {"omie": OMIE_CAUSES, "ploomes": PLOOMES_CAUSES}


class Counters:
    """Requests, refusals and faults per vendor and account."""

    def __init__(self) -> None:
        self._books: dict[tuple[str, str], dict[str, Counter[str]]] = {}

    def _book(self, vendor: str, account: str) -> dict[str, Counter[str]]:
        empty = {name: Counter[str]() for name in ("requests", "refusals", "faults")}
        return self._books.setdefault((vendor, account), empty)

    def open(self, vendor: str, account: str) -> None:
        """Makes the account visible before its first request."""
        self._book(vendor, account)

    def request(self, vendor: str, account: str, name: str) -> None:
        """Counts one request: an Omie method, or `GET Contacts`."""
        self._book(vendor, account)["requests"][name] += 1

    def refusal(self, vendor: str, account: str, cause: str) -> None:
        """Counts one refusal by its cause."""
        self._book(vendor, account)["refusals"][cause] += 1

    def fault(self, vendor: str, account: str, code: str) -> None:
        """Counts one business fault (Omie: by faultcode, Ploomes: by HTTP status)."""
        self._book(vendor, account)["faults"][code] += 1

    def clear(self) -> None:
        """Starts counting anew; known accounts stay visible."""
        for key in self._books:
            self._books[key] = {name: Counter() for name in ("requests", "refusals", "faults")}

    def forget(self) -> None:
        """Drops accounts too."""
        self._books.clear()

    def report(self) -> dict[str, Any]:
        """The whole book, every cause present even when zero."""
        report: dict[str, Any] = {"omie": {}, "ploomes": {}}
        for (vendor, account), book in self._books.items():
            refusals = {cause: book["refusals"][cause] for cause in _CAUSES[vendor]}
            report[vendor][account] = {
                "requests": dict(book["requests"]),
                "refusals": refusals,
                "faults": dict(book["faults"]),
            }
        return report

"""`make features`: every feature number of docs/features.md with the tests that prove it.

Marks are read from the syntax tree, so that nothing is imported and a broken test file still shows.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^- \*\*([FX]\d{2,3})\*\* (.+)$", re.MULTILINE)


def listed(text: str) -> dict[str, str]:
    """Feature numbers with their line, as docs/features.md lists them."""
    return dict(LINE.findall(text))


def marks_of(source: str) -> Iterator[tuple[str, str]]:
    """`(number, test name)` of every feature mark in a test file; a mark on a class or module counts for all in it."""
    tree = ast.parse(source)
    module = [
        number
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
        for number in _numbers(node.value)
    ]
    yield from _walk(tree.body, module, "")


def _walk(body: list[ast.stmt], inherited: list[str], prefix: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        own = inherited + [number for mark in node.decorator_list for number in _numbers(mark)]
        if isinstance(node, ast.ClassDef):
            yield from _walk(node.body, own, f"{prefix}{node.name}::")
        elif node.name.startswith("test"):
            yield from ((number, prefix + node.name) for number in dict.fromkeys(own))


def _numbers(expression: ast.expr) -> list[str]:
    """String arguments of every `mark.feature(...)` call inside an expression (also inside pytest.param)."""
    return [
        argument.value
        for call in ast.walk(expression)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "feature"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def covered(root: Path = ROOT) -> dict[str, list[str]]:
    """Feature number -> `file::test` of all tests under `tests/` that carry its mark."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        for number, test in marks_of(path.read_text(encoding="utf-8")):
            found[number].append(f"{path.relative_to(root)}::{test}")
    return dict(found)


def report(features: Mapping[str, str], tests: Mapping[str, list[str]]) -> str:
    """The table as text: numbers with their tests, numbers without, and the count."""
    lines = ["Proved by tests", ""]
    for number, line in features.items():
        if number in tests:
            lines += [f"{number}  {line}", *(f"        {test}" for test in tests[number])]
    lines += ["", "Without a test", ""]
    lines += [f"{number}  {line}" for number, line in features.items() if number not in tests]
    with_test = sum(number in tests for number in features)
    lines += ["", f"{with_test} of {len(features)} features have a test, {len(features) - with_test} have none."]
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    print(report(listed((ROOT / "docs" / "features.md").read_text(encoding="utf-8")), covered()))


if __name__ == "__main__":
    main()

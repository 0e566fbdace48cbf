"""The feature list is whole, and marks name only numbers that exist."""

import subprocess
import sys
from textwrap import dedent

from tests.house.features import ROOT, covered, listed, marks_of, report

FEATURES = listed((ROOT / "docs" / "features.md").read_text(encoding="utf-8"))


def test_every_number_is_listed_once_and_in_order() -> None:
    assert list(FEATURES) == [*(f"F{n:03}" for n in range(1, 299)), "X01"]


def test_marks_name_known_numbers_only() -> None:
    unknown = {number: tests for number, tests in covered().items() if number not in FEATURES}
    assert not unknown


def test_marks_on_functions_classes_parameters_and_modules_are_found() -> None:
    source = dedent(
        """
        pytestmark = [pytest.mark.feature("F001")]

        @pytest.mark.feature("F002", "F003")
        async def test_one(): ...

        @pytest.mark.feature("F004")
        class TestGroup:
            @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.feature("F005"))])
            def test_two(self, x): ...

        def helper(): ...
        """
    )
    assert sorted(marks_of(source)) == [
        ("F001", "TestGroup::test_two"),
        ("F001", "test_one"),
        ("F002", "test_one"),
        ("F003", "test_one"),
        ("F004", "TestGroup::test_two"),
        ("F005", "TestGroup::test_two"),
    ]


def test_report_tells_what_has_no_test() -> None:
    text = report({"F001": "first", "F002": "second"}, {"F001": ["tests/test_a.py::test_a"]})
    assert text.index("F001  first") < text.index("Without a test") < text.index("F002  second")
    assert text.endswith("1 of 2 features have a test, 1 have none.")


def test_the_command_prints_every_number() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.house.features"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(number in done.stdout for number in FEATURES)

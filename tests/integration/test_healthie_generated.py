"""The generated client: its drift is noticed, and its types bite."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mypy.api
import pytest

from tools.generate_client import HEALTHIE, ROOT, drift, generate, sources

USE = """
from integrations.healthie.generated.client import Client

async def use(client: Client) -> None:
    offerings = (await client.public_catalog()).offerings
    package = offerings.nodes[0] if offerings and offerings.nodes else None
    if package is not None:
        price: str | None = package.price
        package.prise  # another name
        archived: str = package.archived  # another type
    await client.delete_visit(id="901")
    await client.delete_visit("901")  # by position
    await client.delete_visit(appointment_id="901")  # another argument
    await client.delete_visit()  # nothing
"""


def test_a_missing_a_leftover_and_a_changed_module_are_drift(tmp_path: Path) -> None:
    (tmp_path / "same.py").write_text("a")
    (tmp_path / "notes.txt").write_text("not ours")

    assert drift(sources(tmp_path), {"same.py": "a"}) == []
    assert drift(sources(tmp_path), {"same.py": "b"}) == ["same.py"]
    assert drift(sources(tmp_path), {"other.py": "a"}) == ["other.py", "same.py"]


def test_a_field_or_argument_of_another_name_or_type_is_a_type_error(tmp_path: Path) -> None:
    use = tmp_path / "use.py"
    use.write_text(USE)
    wrong = {str(number) for number, line in enumerate(USE.splitlines(), 1) if "  # " in line}

    said, trouble, _ = mypy.api.run(["--strict", "--no-error-summary", str(use)])

    complaints = [line for line in said.splitlines() if ": error: " in line]
    assert trouble == ""
    assert {line.split(":")[1] for line in complaints} == wrong, said


def test_a_field_that_was_renamed_in_the_contract_is_a_type_error_where_an_adapter_reads_it(
    tmp_path: Path,
) -> None:
    if not os.environ.get("CI") and not (shutil.which("uv") or (ROOT / ".tools" / "bin" / "uv").exists()):
        pytest.skip("uv is neither on PATH nor in .tools/bin: run tools/environment.sh to see it")
    copy = tmp_path / "integrations" / "healthie"
    shutil.copytree(HEALTHIE, copy, ignore=shutil.ignore_patterns("__pycache__", "generated"))
    for needed in ("booking", "integrations/upstream"):
        shutil.copytree(ROOT / needed, tmp_path / needed, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "integrations" / "__init__.py", copy.parent)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path in (copy / "contract.graphql", copy / "operations" / "purchases.graphql"):
        path.write_text(path.read_text().replace("  refund_date", "  refund_day"))
    generate(copy, healthie=copy)

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "integrations/healthie/receipts.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    reader = (copy / "receipts.py").read_text().splitlines()
    reads = {str(at) for at, line in enumerate(reader, 1) if "item.refund_date" in line}
    complaints = checked.stdout.splitlines()
    assert reads
    assert {one.partition(": error: ")[0] for one in complaints} == {
        f"integrations/healthie/receipts.py:{number}" for number in reads
    }
    assert all('"refund_date"' in one for one in complaints)

"""The page that lists what is not built."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_page_of_operations_is_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "tools" / "list_operations.py"), "--check"]
    environment = {"PYTHONPATH": str(ROOT / "src")}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (answer.returncode, answer.stdout.strip()) == (0, "")

"""Every command and every worker starts with what it needs and no more: who is killed is back the sooner."""

import subprocess
import sys

HEAVY = ("fastapi", "uvicorn", "openai", "numpy", "pandas")


def test_the_command_line_and_a_worker_load_no_web_framework_and_no_model() -> None:
    asked = f"import sys, api.cli.main, adapters.dramatiq.worker; print([one for one in {HEAVY} if one in sys.modules])"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"

"""What the messaging side knows from one start to the next: accounts, customers, templates and where webhooks go.

Messages, files and faults are of one run. Without a path nothing is kept.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Customer
from adapters.simulator.messages.ground import Ground, MessageSettings
from adapters.simulator.messages.hooks import Hook
from adapters.simulator.messages.templates import Template


def shelve(ground: Ground, path: Path) -> None:
    """Write what is to be kept; the former file stays whole until the new one is."""
    content: dict[str, Any] = {
        "accounts": {name: one.model_dump(mode="json") for name, one in ground.accounts.all().items()},
        "customers": [asdict(one) for one in ground.customers.all()],
        "templates": [[waba, one.model_dump(mode="json")] for waba, one in ground.templates.all()],
        "hooks": [[name, hook.model_dump(mode="json")] for name, hook in ground.hooks()],
        "settings": ground.settings.model_dump(mode="json"),
    }
    beside = path.with_suffix(".new")
    beside.write_bytes(orjson.dumps(content))
    beside.replace(path)


def unshelve(ground: Ground, path: Path) -> None:
    """Take up what was kept; a file that is not there, or not whole, counts as none."""
    try:
        content = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return
    for name, account in content["accounts"].items():
        ground.accounts.register(name, Account(**account))
    for one in content["customers"]:
        ground.customers.enter(Customer(**one))
    for waba_id, template in content["templates"]:
        ground.templates.register(waba_id, Template(**template))
    for name, hook in content["hooks"]:
        ground.set_hook(Hook(**{**hook, "fail_next": ()}), name)
    ground.settings = MessageSettings(**content["settings"])

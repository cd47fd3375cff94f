"""Accounts on messaging channels as they are shown, by HTTP and on the command line alike."""

import re
from typing import Any

from adapters.postgres.channels import APP_SECRETS, TOKEN, WEBHOOK_SECRET
from domain.brokerage.events import ChannelConnected

APP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
"""What an app of Meta's can be called here: it stands in the address of its webhooks."""


def shown(account: ChannelConnected, kept: set[str]) -> dict[str, Any]:
    """Return an account as it is shown, with which secrets are set."""
    place = (account.channel, account.account_id)
    told = account.model_dump(mode="json", exclude={"kind", "connected", "occurred_at"})
    told["since"] = account.occurred_at
    told["token_set"] = TOKEN.format(*place) in kept
    if account.provider == "360dialog":
        told["webhook_secret_set"] = WEBHOOK_SECRET.format(*place) in kept
        told["webhook"] = f"/api/webhooks/360dialog/{account.account_id}"
    else:
        told["app_secrets_set"] = APP_SECRETS.format(account.app) in kept
        told["webhook"] = f"/api/webhooks/meta/{account.app}"
    return told

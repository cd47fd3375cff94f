"""What the HTTP path is compared with: FastAPI answering a small dict, served as `masar api` is."""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.post("/api/touchpoints")
async def answer() -> dict[str, int]:
    """Answer, and do nothing."""
    return {"accepted": 1}


@app.get("/healthz")
async def health() -> dict[str, str]:
    """Say that it serves."""
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False, loop="uvloop",
        http="httptools", server_header=False, backlog=2048, lifespan="on",
    )  # fmt: skip

"""A bare FastAPI route: what the web server and the framework can do when nothing is stored. `--port`."""

import argparse

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.post("/bare")
async def bare() -> dict[str, str]:
    """Answers, and does nothing else."""
    return {"status": "accepted"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, log_level="warning", access_log=False)

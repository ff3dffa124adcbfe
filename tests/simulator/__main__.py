"""``python -m tests.simulator --profile 2.41 --seed 5000``: an n8n to try things on, until interrupted."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from tests.simulator.profiles import PROFILES
from tests.simulator.server import running


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description="Run an n8n look-alike.")
    parser.add_argument("--profile", default="2.41", choices=sorted(PROFILES), help="the n8n version to be like")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="so many past executions of sample workflows")
    parser.add_argument("--days", type=float, default=60, help="the time that they are spread over")
    parser.add_argument("--latency", type=float, default=0, help="seconds that every request waits")
    parser.add_argument("--database", type=Path, help="the SQLite file; a temporary one by default")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(
            asked.profile,
            seed=asked.seed,
            days=asked.days,
            latency=asked.latency,
            database=asked.database,
            port=asked.port,
        ) as simulator:
            shown = {"url": simulator.url, "api_key": simulator.api_key, "database": str(simulator.database)}
            print(json.dumps(shown), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()

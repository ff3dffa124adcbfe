"""``python -m tests.lab 2.41.1``: a real n8n to try things on, until interrupted."""

from __future__ import annotations

import argparse
import json
import signal

from tests.lab.install import N8N_VERSIONS
from tests.lab.server import N8n


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Run a real n8n until interrupted.")
    parser.add_argument("version", nargs="?", default=N8N_VERSIONS[0], help=f"for instance {', '.join(N8N_VERSIONS)}")
    version = parser.parse_args().version
    # Ended by a service manager or a shell, the server's folder must go as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with N8n(version) as server:
            told = {"url": server.url, "api_key": server.key(), "database": str(server.database)}
            print(json.dumps(told), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()

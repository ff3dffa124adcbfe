"""``make integration``: playbooks under the oldest and the newest supported ansible-core, against simulators of n8n.

The newest meets the newest n8n and whatever needs none, the oldest each module, role, filter and the lookup with older ones.
What is left out there, such as archives of an older n8n, is run by ``make test-real`` on a real one.
"""

from __future__ import annotations

import os
import subprocess

from tests.checkout import ROOT
from tests.cores import environments

TESTS = "tests/integration"
EACH_OF_THEM = tuple(
    f"{TESTS}/test_{name}.py" for name in ("modules", "stop_wait_tag", "export_and_stats", "filters_and_lookup", "roles")
)
# At once; a playbook waits for its n8n part of the time.
WORKERS = "3"


def main() -> None:
    there = environments()
    shares = {"older": EACH_OF_THEM, "newest": (TESTS,)} if len(there) > 1 else {"simulator": (TESTS,)}
    for environment, (servers, tests) in zip(there, shares.items(), strict=True):
        print(f"ansible-core {environment.name}, n8n: {servers}", flush=True)
        command = [str(environment.programs / "python"), "-m", "pytest", "-q", *tests]
        done = subprocess.run([*command, "-n", WORKERS, "--servers", servers], cwd=ROOT, env=dict(os.environ), check=False)
        if done.returncode:
            raise SystemExit(f"ansible-core {environment.name}: pytest ended with {done.returncode}")


if __name__ == "__main__":
    main()

"""``make integration``: playbooks under the oldest and the newest supported ansible-core, against simulators of n8n.

Each n8n meets one of them, as what versions of n8n differ in is nothing that ansible-core sees; roles and the examples of the
documentation meet both.
"""

from __future__ import annotations

import os
import subprocess

from tests.cores import ROOT, environments

# At once; a playbook waits for its n8n part of the time.
WORKERS = "3"


def main() -> None:
    there = environments()
    shares = ["older", "newest"] if len(there) > 1 else ["simulator"]
    for environment, servers in zip(there, shares, strict=True):
        print(f"ansible-core {environment.name}, n8n: {servers}", flush=True)
        command = [str(environment.programs / "python"), "-m", "pytest", "-q", "tests/integration"]
        done = subprocess.run([*command, "-n", WORKERS, "--servers", servers], cwd=ROOT, env=dict(os.environ), check=False)
        if done.returncode:
            raise SystemExit(f"ansible-core {environment.name}: pytest ended with {done.returncode}")


if __name__ == "__main__":
    main()

"""``make demo``: the main job, from a playbook, against the simulator with 5,000 executions of 60 days.

Every step is a command that could be typed, and is checked by what Ansible says of it.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.simulator.server import running

PLAYBOOK = "flowops.n8n.look_clean_retry"
STEPS = (
    ("Look at the statistics, and at what failed and why", ["--tags", "look"], "unchanged"),
    ("See what the cleanup would delete", ["--tags", "clean", "--check", "--diff"], "would change"),
    ("Clean up, with an archive", ["--tags", "clean", "-e", "n8n_archive_path={archive}"], "changed"),
    ("Clean up again: nothing is left to do", ["--tags", "clean"], "unchanged"),
    ("Retry what failed", ["--tags", "retry"], "changed"),
    ("Retry again: nothing is left to do", ["--tags", "retry"], "unchanged"),
)
REPORT = Path("build", "n8n-report.html").absolute()
# A diff of thousands of lines is for files, not for a demonstration.
SHOWN = 12


def main() -> None:
    """Exit with 1 if a step does not come out as it should."""
    programs = Path(sys.executable).parent
    began = time.monotonic()
    with running("2.41", seed=5000, days=60) as simulator, tempfile.TemporaryDirectory(prefix="n8n-demo-") as folder:
        archive = Path(folder, "executions.jsonl.gz")
        print(f"The simulator of n8n 2.41 runs at {simulator.url} with 5,000 executions of 60 days.", flush=True)
        env = {
            **os.environ,
            "N8N_URL": simulator.url,
            "N8N_API_KEY": simulator.api_key,
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
            "ANSIBLE_NOCOLOR": "1",
        }
        for number, (title, words, expected) in enumerate(STEPS, start=1):
            options = [word.format(archive=archive) for word in words]
            print(f"\n== {number} of {len(STEPS)}: {title}\n$ ansible-playbook {PLAYBOOK} {' '.join(options)}", flush=True)
            command = [str(programs / "ansible-playbook"), PLAYBOOK, *options]
            done = subprocess.run(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            _show(done.stdout)
            changed = re.search(r"changed=(\d+)", done.stdout)
            seen = "nothing" if changed is None else "changed" if int(changed.group(1)) else "unchanged"
            if done.returncode or seen != expected.replace("would change", "changed"):
                print(done.stdout)
                raise SystemExit(f"step {number} was to come out as '{expected}': exit status {done.returncode}, {seen}")
            print(f"-> {expected}", flush=True)
            if any("archive" in word for word in words):
                _show_archive(archive)
        _write_report(programs, env)
    print(f"\nAll {len(STEPS)} steps came out as they should, in {time.monotonic() - began:.0f} s. The report is {REPORT}")


def _write_report(programs: Path, env: dict[str, str]) -> None:
    """The report on what is there now stays, so that it can be looked at."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    paths = json.dumps({"execution_report_path": str(REPORT), "execution_report_markdown_path": ""})
    print("\n== Last: write the report\n$ ansible-playbook flowops.n8n.execution_report", flush=True)
    command = [str(programs / "ansible-playbook"), "flowops.n8n.execution_report", "-e", paths]
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode or "Failing workflows" not in REPORT.read_text(encoding="utf-8"):
        raise SystemExit(f"the report was not written:\n{done.stdout}{done.stderr}")


def _show_archive(archive: Path) -> None:
    """The archive can be read by any tool; every line is an execution as it was."""
    with gzip.open(archive, "rt", encoding="utf-8") as lines:
        first = json.loads(next(lines))
        count = 1 + sum(1 for _line in lines)
    kept = ", ".join(f"{name} {first[name]}" for name in ("id", "status", "started_at", "duration"))
    print(f"   {archive.name}: {count} executions, {archive.stat().st_size:,} bytes; the first: {kept}", flush=True)
    if not first.get("data"):
        raise SystemExit("the archive was to hold the data of the executions")


def _show(output: str) -> None:
    lines = [line for line in output.splitlines() if line.strip()]
    diff = [line for line in lines if line.startswith("-execution")]
    for line in [one for one in lines if one not in set(diff[SHOWN:])]:
        print(f"   {line}")
        if line in diff[SHOWN - 1 : SHOWN]:
            print(f"   ... and {len(diff) - SHOWN} more lines")


if __name__ == "__main__":
    main()

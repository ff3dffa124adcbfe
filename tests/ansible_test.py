"""Run ansible-test's sanity tests, and units on the modules' oldest Python, where only package registries can be reached.

ansible-test wants to stand in ``ansible_collections/flowops/n8n``, outside any repository, and it
fetches pip for its virtual environments from a host of its own. So it is given a copy of the
checkout, and pip from PyPI.

    python -m tests.ansible_test

runs them with the oldest and the newest supported ansible-core.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import checkout
from tests.cores import Environment, environments

# Run by ansible-test in place of get-pip: installs what it is asked for with the pip of a wheel.
STAND_IN = """
import sys
sys.path.insert(0, {wheel!r})
from pip._internal.cli.main import main
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(main(["install", *wanted]))
"""


def main() -> None:
    # Two at once: each keeps one processor busy.
    with tempfile.TemporaryDirectory(prefix="flowops-n8n-") as folder, ThreadPoolExecutor(max_workers=2) as executor:
        runs = [executor.submit(run, one, Path(folder, one.name)) for one in environments()]
        for one in runs:
            one.result()


def run(environment: Environment, folder: Path) -> None:
    """Sanity on the controller's Python, units on the others: plain pytest, which is faster, runs them on the controller's."""
    programs, (controller, *targets) = environment.programs, environment.pythons
    copy = copy_checkout(folder)
    provide_pip(programs)
    env = dict(os.environ)
    folders = [str(Path(path).parent) for path in environment.pythons.values()]
    env["PATH"] = os.pathsep.join([str(programs), *folders, env["PATH"]])
    wanted = [("sanity", "--local", controller), *(("units", "--venv", target) for target in targets)]
    for kind, where, version in wanted:
        command = [str(programs / "ansible-test"), kind, where, "--python", version, "--color", "no", "--truncate", "0"]
        done = subprocess.run(command, cwd=copy, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        title = f"ansible-test {kind}, {core_version(programs)}, Python {version}"
        # It exits with 0 when it finds nothing to test.
        if done.returncode or "All targets skipped" in output:
            print(output, flush=True)
            raise SystemExit(f"{title}: failed with {done.returncode}")
        print(f"{title}: passed{_count(kind, output)}", flush=True)


def copy_checkout(folder: Path) -> Path:
    target = folder / "ansible_collections" / "flowops" / "n8n"
    for name in checkout.names():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout.ROOT / name, target / name)
    return target


def provide_pip(programs: Path) -> None:
    """Put a stand-in where ansible-test keeps the get-pip script that it would fetch otherwise."""
    source = next((programs.parent / "lib").glob("python*/site-packages/ansible_test/_internal/python_requirements.py"))
    found = re.findall(r"""\bpip=["']([0-9][0-9.]*)["']""", source.read_text(encoding="utf-8"))
    if not found:
        raise SystemExit(f"{source} does not name the pip that ansible-test wants")
    # Older ones are for Pythons that are none of ours.
    version = max(found, key=lambda one: [int(part) for part in one.split(".")])
    cache = Path.home() / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        # Fetched elsewhere first: two runs may do this at once.
        with tempfile.TemporaryDirectory(dir=cache) as fetched:
            download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", fetched, f"pip=={version}"]
            subprocess.run(download, check=True)
            os.replace(Path(fetched) / wheel.name, wheel)
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    script.write_text(STAND_IN.format(wheel=str(wheel)), encoding="utf-8")


def core_version(programs: Path) -> str:
    done = subprocess.run(
        [str(programs / "python"), "-c", "from ansible.release import __version__; print(__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return f"ansible-core {done.stdout.strip()}"


def _count(kind: str, output: str) -> str:
    if kind == "sanity":
        return f" ({len(re.findall(r'Running sanity test', output))} kinds)"
    counts = re.findall(r"(\d+) passed", output)
    if not counts:
        raise SystemExit(f"No unit test ran:\n{output}")
    return f" ({', '.join(counts)} tests)"


if __name__ == "__main__":
    main()

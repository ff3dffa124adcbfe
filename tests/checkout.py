"""The files of the checkout, committed or not, but none that git ignores."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def names() -> list[str]:
    """Their paths from the root."""
    git = shutil.which("git") or "git"
    listed = subprocess.run(
        [git, "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    # One that was deleted is listed until that is committed.
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]

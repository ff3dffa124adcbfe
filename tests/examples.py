"""The examples of the documentation, as plays.

    python -m tests.examples build/examples.yml

writes them into a playbook, for ansible-lint to read.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
GUIDES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "roles").glob("*/README.md")])
PLUGINS = sorted(path for kind in ("modules", "lookup", "filter") for path in (ROOT / "plugins" / kind).glob("*.py"))

# Beginnings of what is no play and no task, and what it is.
NOT_RUN = {
    "n8n:": "an inventory",
    "kind: failed": "an event",
}


def blocks(path: Path) -> list[str]:
    """The YAML examples in a page, or in the documentation of a plugin."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return re.findall(r'^EXAMPLES = r"""\n(.*?)"""', text, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^```ya?ml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in found if not block.startswith(tuple(NOT_RUN))]


EXAMPLES = [(path, number) for path in (*GUIDES, *PLUGINS) for number in range(len(blocks(path)))]


def named(path: Path, number: int) -> str:
    return f"{path.relative_to(ROOT)}-{number + 1}"


def plays(example: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The example as it is where it is a play, or a play of its tasks."""
    if any("hosts" in one or "ansible.builtin.import_playbook" in one for one in example):
        return example
    return [{"name": "Example", "hosts": "localhost", "gather_facts": False, "tasks": example}]


def main() -> None:
    """One file of them all, as ansible-lint takes a second for each file."""
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("---\n")
        for path, number in EXAMPLES:
            text = blocks(path)[number]
            if plays(example := yaml.safe_load(text)) is not example:
                # Words and lines stay as they are written.
                head = "- name: Example\n  hosts: localhost\n  gather_facts: false\n  tasks:\n"
                text = head + re.sub(r"(?m)^(?=.)", "    ", text)
            file.write(f"# {named(path, number)}\n{text.strip()}\n\n")


if __name__ == "__main__":
    main()

"""How Sphinx makes the documentation site. `make docs` puts together what it reads, in the folders of the repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).resolve().parents[2]
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))

project = "flowops.n8n"
project_copyright = GALAXY["authors"][0]
version = release = GALAXY["version"]

extensions = ["myst_parser", "sphinx_antsibull_ext"]
exclude_patterns = ["docs/site"]
# Every reference must lead somewhere.
nitpicky = True

# The headings that links such as runbooks.md#stop-everything may name, in the words of GitHub.
myst_heading_anchors = 3

html_theme = "sphinx_ansible_theme"
html_theme_options = {"topbar_links": {"Source": GALAXY["repository"], "Issues": GALAXY["issues"]}}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"{project} {release}"
html_short_title = project
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
pygments_style = "ansible"
highlight_language = "none"

# What the pages of plugins refer to in Ansible's own documentation. Its inventory would have to be fetched.
ANSIBLE = "https://docs.ansible.com/ansible/latest"
ELSEWHERE = {
    "ansible_collections.ansible.builtin.env_lookup": "collections/ansible/builtin/env_lookup.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def lead_to_ansible(
    _app: Sphinx, _env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    """The reference to a page of Ansible's own, as a plain link."""
    if node["reftype"] != "ref" or node["reftarget"] not in ELSEWHERE:
        return None
    return nodes.reference("", "", text, refuri=f"{ANSIBLE}/{ELSEWHERE[node['reftarget']]}", internal=False)


def lead_to_repository(app: Sphinx, document: nodes.document) -> None:
    """What guides link to in the repository and the site does not hold, a folder for instance, is shown by the repository."""
    folder = os.path.dirname(app.env.docname)
    for node in list(document.findall(addnodes.pending_xref)):
        if node["reftype"] != "myst" or node["refdomain"] is not None:
            continue
        path = os.path.normpath(os.path.join(folder, node["reftarget"]))
        if not path.startswith("..") and (ROOT / path).exists():
            node.replace_self(nodes.reference("", "", *node.children, refuri=f"{GALAXY['repository']}/tree/HEAD/{path}"))


def lead_home(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _document: nodes.document | None) -> None:
    """The theme's own link leads to the root of the server, which need not be the site."""
    context["theme_documentation_home_url"] = context["pathto"](app.config.root_doc)


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", lead_to_ansible)
    app.connect("doctree-read", lead_to_repository)
    app.connect("html-page-context", lead_home)

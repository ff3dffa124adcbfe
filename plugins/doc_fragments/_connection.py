# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options by which every module reaches an instance."""

from __future__ import annotations

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import fill


class ModuleDocFragment:
    """Held together with the argument spec CONNECTION in module_utils/_module.py by a test."""

    # Annotated, since ansible-test's yamllint takes every plain assignment here for a literal.
    DOCUMENTATION: str = fill(r"""
options:
  url:
    description:
      - Address of the instance, such as V(https://n8n.example.com), with a path prefix if a proxy adds one.
      - A trailing V(/), V(/api/v1) or V(/api/v1/executions) is understood. It must not hold a user or a password.
      - If not set, the environment variable E(N8N_URL) of the machine where the module runs is used.
    type: str
    required: true
  api_key:
    description:
      - API key of n8n, made there under Settings, n8n API, or the bearer token of another platform. It has 8 characters or more.
      - A call for which the key lacks a scope fails with the name of that scope.
      - If not set, the environment variable E(N8N_API_KEY) of the machine where the module runs is used.
    type: str
    required: true
  dialect:
    description:
      - Which API is spoken.
%(meanings)s
      - If not set, the environment variable E(N8N_DIALECT) of the machine where the module runs is used.
    type: str
    choices: [%(names)s]
    default: n8n
  api_path:
    description:
      - Path of the public API below O(url), for servers with another public endpoint (E(N8N_PUBLIC_API_ENDPOINT) there).
      - The default goes by the dialect, %(paths)s.
    type: str
  headers:
    description:
      - Extra headers for every request, as access proxies want them.
      - Values of 8 characters or more are hidden in all output.
    type: dict
  timeout:
    description:
      - Seconds for one request, except a retry that is being waited for. A day is the most.
      - With urllib3 older than 2 an answer that trickles in is not cut short.
    type: float
    default: 30.0
  max_request_retries:
    description:
      - How often a request that is safe to repeat is sent again after 429, 502, 503, 504 or a broken connection.
      - The pauses grow, with jitter; C(Retry-After) is honoured up to five minutes.
      - The request that retries an execution is never sent again once it may have reached n8n.
    type: int
    default: 5
  validate_certs:
    description:
      - Whether the server's TLS certificate is checked. Switch it off only where nobody else can listen.
    type: bool
    default: true
  ca_path:
    description:
      - PEM file with the certificates of the authorities to trust, instead of the system's.
    type: path
  client_cert:
    description:
      - PEM file with the client certificate for TLS; it may hold the key as well.
    type: path
  client_key:
    description:
      - PEM file with the unencrypted key of O(client_cert).
    type: path
  use_proxy:
    description:
      - Whether the proxies of the environment (E(HTTPS_PROXY), E(HTTP_PROXY), E(NO_PROXY)) are used.
    type: bool
    default: true
  concurrency:
    description:
      - How many requests may be under way at once, from 1 to 32, where a module acts on many executions.
      - It is an upper bound. The module goes slower by itself while the server asks for that (429, 503), fails to answer in time,
        or takes twice as long for calls of the same kind as before, and faster again when it is over.
    type: int
    default: 4
requirements:
  - requests (Python library, on the machine where the module runs)
  - Python 3.9 or newer there
notes:
  - Environment variables are those of the machine where the module runs, which for C(delegate_to) or a remote host
    is not the controller. Use P(ansible.builtin.env#lookup) for the controller's.
  - Redirects are not followed, so that the key goes nowhere but to O(url).
""")

# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options by which plugins on the controller reach an instance: those of the modules, and where else they come from."""

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
      - If not set, the environment variable E(N8N_URL) of the controller is used.
    type: str
    required: true
    env:
      - name: N8N_URL
    vars:
      - name: n8n_url
  api_key:
    description:
      - API key of n8n, made there under Settings, n8n API, or the bearer token of another platform. It has 8 characters or more.
      - A call for which the key lacks a scope fails with the name of that scope.
      - If not set, the environment variable E(N8N_API_KEY) of the controller is used.
    type: str
    required: true
    env:
      - name: N8N_API_KEY
    vars:
      - name: n8n_api_key
  dialect:
    description:
      - Which API is spoken.
%(meanings)s
      - If not set, the environment variable E(N8N_DIALECT) of the controller is used.
    type: str
    choices: [%(names)s]
    default: n8n
    env:
      - name: N8N_DIALECT
    vars:
      - name: n8n_dialect
  api_path:
    description:
      - Path of the public API below O(url), for servers with another public endpoint (E(N8N_PUBLIC_API_ENDPOINT) there).
      - The default goes by the dialect, %(paths)s.
    type: str
    vars:
      - name: n8n_api_path
  headers:
    description:
      - Extra headers for every request, as access proxies want them.
      - A plugin cannot hide them in the output, so tasks that print them need C(no_log).
    type: dict
    vars:
      - name: n8n_headers
  timeout:
    description:
      - Seconds for one request, except a retry that is being waited for. A day is the most.
      - With urllib3 older than 2 an answer that trickles in is not cut short.
    type: float
    default: 30.0
    vars:
      - name: n8n_timeout
  max_request_retries:
    description:
      - How often a request that is safe to repeat is sent again after 429, 502, 503, 504 or a broken connection.
      - The pauses grow, with jitter; C(Retry-After) is honoured up to five minutes.
      - The request that retries an execution is never sent again once it may have reached n8n.
    type: int
    default: 5
    vars:
      - name: n8n_max_request_retries
  validate_certs:
    description:
      - Whether the server's TLS certificate is checked. Switch it off only where nobody else can listen.
    type: bool
    default: true
    vars:
      - name: n8n_validate_certs
  ca_path:
    description:
      - PEM file with the certificates of the authorities to trust, instead of the system's.
    type: path
    vars:
      - name: n8n_ca_path
  client_cert:
    description:
      - PEM file with the client certificate for TLS; it may hold the key as well.
    type: path
    vars:
      - name: n8n_client_cert
  client_key:
    description:
      - PEM file with the unencrypted key of O(client_cert).
    type: path
    vars:
      - name: n8n_client_key
  use_proxy:
    description:
      - Whether the proxies of the environment (E(HTTPS_PROXY), E(HTTP_PROXY), E(NO_PROXY)) are used.
    type: bool
    default: true
    vars:
      - name: n8n_use_proxy
  concurrency:
    description:
      - How many requests may be under way at once, from 1 to 32, where a module acts on many executions.
      - It is an upper bound. The module goes slower by itself while the server asks for that (429, 503), fails to answer in time,
        or takes twice as long for calls of the same kind as before, and faster again when it is over.
    type: int
    default: 4
    vars:
      - name: n8n_concurrency
requirements:
  - requests (Python library, on the controller)
  - Python 3.9 or newer there
notes:
  - Each option of the connection may also be set by the variable of that name with the prefix C(n8n_), such as C(n8n_url).
  - Redirects are not followed, so that the key goes nowhere but to O(url).
""")

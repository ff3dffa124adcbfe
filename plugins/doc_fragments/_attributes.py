# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes that modules of this collection document."""

from __future__ import annotations


class ModuleDocFragment:
    """How a module behaves beside what it does."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the instance.
  diff_mode:
    description: Returns details on what has changed, or would change in C(check_mode), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
      - This assumes that nothing else acts on the instance between the two runs.
  action_group:
    description: Use C(group/flowops.n8n.n8n) in C(module_defaults) to set the connection options of all modules at once.
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - It changes nothing, in check mode or not.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: full
    details:
      - It changes nothing.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    support: full
    membership:
      - flowops.n8n.n8n
"""

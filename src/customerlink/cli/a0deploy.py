"""The Actions as auth0-deploy-cli reads them: `a0deploy import --input_file tenant.yaml`.

Its keywords (`##NAME##`) stand for what differs from tenant to tenant, and for the secret; it takes
them from the environment.
"""

import json
from collections.abc import Sequence

from customerlink.adapters.built_actions import action_code
from customerlink.cli.declared import API, PRINT
from customerlink.cli.release import action_name
from customerlink.cli.tenant import RUNTIME, VERSIONS
from customerlink.model.actions import DENIAL_TEXTS, SIGNING_SECRET, URL, declared, secrets_of

_HEAD = f"""\
# The Actions of Customer Link. Copy them into your own tenant.yaml,
# or import this file: without AUTH0_ALLOW_DELETE other Actions stay. An import replaces all secrets
# of these Actions, so list further ones (such as CUSTOMERLINK_TIMEOUT_MS) here.
#
# The environment has to have {API}, {SIGNING_SECRET},
# {PRINT} and {DENIAL_TEXTS}, as customerlink install --to-file writes
# them: a keyword without a value is imported as it stands.
actions:
"""

_FLOWS = """\
# The places of Customer Link's Actions in the flows. An import REPLACES each flow that it lists:
# whatever is not in the list is unbound. So copy these lines into the triggers of your own
# tenant.yaml, behind what is there already; only where these flows have no other Action, append
# this file to tenant.yaml.
triggers:
"""


def files(name: str, triggers: Sequence[str]) -> dict[str, str]:
    """Return the files by their paths; none holds a secret."""
    codes = {
        f"actions/{each}.js": declared(action_code(each), _keyword(PRINT)) for each in triggers
    }
    return {
        "tenant.yaml": _HEAD + "".join(_action(action_name(name, each), each) for each in triggers),
        "triggers.yaml": _FLOWS
        + "".join(_binding(action_name(name, each), each) for each in triggers),
        **codes,
    }


def _action(name: str, trigger: str) -> str:
    return f"""\
  - name: {_quoted(name)}
    code: ./actions/{trigger}.js
    runtime: {RUNTIME}
    deployed: true
    dependencies: []
    secrets:
{"".join(_secret(each, trigger) for each in secrets_of(trigger))}    supported_triggers:
      - id: {trigger}
        version: {VERSIONS[trigger]}
"""


def _secret(name: str, trigger: str) -> str:
    # In single quotes, as programs put a keyword that merge such a file: none of what is handed
    # over has any.
    values = {
        URL: f"{_keyword(API)}/{trigger}",
        SIGNING_SECRET: _keyword(SIGNING_SECRET),
        DENIAL_TEXTS: _keyword(DENIAL_TEXTS),
    }
    return f"""\
      - name: {name}
        value: '{values[name]}'
"""


def _binding(name: str, trigger: str) -> str:
    return f"""\
  {trigger}:
    - action_name: {_quoted(name)}
      display_name: {_quoted(name)}
"""


def _keyword(name: str) -> str:
    return f"##{name}##"


def _quoted(text: str) -> str:
    """Return a text as YAML has it: JSON is a part of it."""
    return json.dumps(text, ensure_ascii=False)

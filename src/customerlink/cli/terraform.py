"""The Actions as a module of Terraform's, for the provider auth0/auth0."""

import json
from collections.abc import Sequence

from customerlink.adapters.built_actions import action_code
from customerlink.cli.declared import API_VARIABLE, NO_TEXTS, SECRET_VARIABLE, TEXTS_VARIABLE
from customerlink.cli.release import action_name
from customerlink.cli.tenant import RUNTIME, VERSIONS
from customerlink.model.actions import (
    DENIAL_TEXTS,
    LOGIN,
    SETTINGS,
    SIGNING_SECRET,
    TRIGGERS,
    URL,
    secrets_of,
)
from customerlink.model.notes import PRINT_LENGTH

# Seven digits are a number below 2^28, which every machine's integers hold.
_VERSION_DIGITS = 7

_VARIABLES = f"""\
variable "{API_VARIABLE}" {{
  description = "The beginning of the endpoints, as customerlink install --to-file writes it."
  type        = string
}}

variable "{SECRET_VARIABLE}" {{
  description = "What the Actions sign with, as customerlink install and rotate hand it over."
  type        = string
  sensitive   = true
}}

variable "{TEXTS_VARIABLE}" {{
  description = "What denials say, in JSON, as customerlink install --to-file writes it."
  type        = string
  default     = "{NO_TEXTS}"
}}
"""

_VERSIONS = """\
terraform {
  # Write-only arguments.
  required_version = ">= 1.11"

  required_providers {
    auth0 = {
      source = "auth0/auth0"
      # secrets_wo.
      version = ">= VERSION"
    }
  }
}
"""

_OUTPUTS = """\
output "actions" {
  description = "The Actions' ids, by their triggers."
  value       = { for trigger, action in auth0_action.customer_link : trigger => action.id }
}

output "settings" {
  description = "The print that customerlink doctor compares with the stack's."
  value       = local.settings
}
"""

PROVIDER_VERSION = "1.52.0"
"""The first one whose `auth0_action` has `secrets_wo`."""


def files(name: str, triggers: Sequence[str]) -> dict[str, str]:
    """Return the files by their paths; none holds a secret, and no state will."""
    codes = {f"actions/{each}.js": f"{action_code(each).rstrip()}\n" for each in triggers}
    return {
        "main.tf": _main(name, triggers),
        "variables.tf": _VARIABLES,
        "outputs.tf": _OUTPUTS,
        "versions.tf": _VERSIONS.replace("VERSION", PROVIDER_VERSION),
        **codes,
    }


def _main(name: str, triggers: Sequence[str]) -> str:
    # As terraform fmt aligns them.
    width = max(len(each) for each in triggers) + 2
    ours = "\n".join(f"    {f'"{each}"':<{width}} = {_trigger(name, each)}" for each in triggers)
    api, secret, texts = (f"var.{each}" for each in (API_VARIABLE, SECRET_VARIABLE, TEXTS_VARIABLE))
    values = {URL: f'"${{{api}}}/${{each.key}}"', SIGNING_SECRET: secret, DENIAL_TEXTS: texts}
    known = dict.fromkeys(each for trigger in TRIGGERS for each in secrets_of(trigger))
    secrets = "\n".join(_secret(each, values[each]) for each in known)
    return f"""\
# The Actions of Customer Link.

locals {{
  triggers = {{
{ours}
  }}

  folder = "${{path.module}}/actions"

  # It stands in the code, so that customerlink doctor can tell which secret the Actions have.
  # It tells nothing of a secret of 32 random bytes.
  settings = nonsensitive(substr(sha256("${{{api}}}/{LOGIN}\\n${{{secret}}}"), 0, {PRINT_LENGTH}))

  # All that the secrets hold.
  version = sha256("${{local.settings}}\\n${{{texts}}}")
}}

resource "auth0_action" "customer_link" {{
  for_each = local.triggers

  name    = each.value.name
  runtime = "{RUNTIME}"
  deploy  = true
  code    = "${{file("${{local.folder}}/${{each.key}}.js")}}{SETTINGS}: ${{local.settings}}\\n"

  supported_triggers {{
    id      = each.key
    version = each.value.version
  }}

  # No state holds them. Add a block for each further one, such as CUSTOMERLINK_TIMEOUT_MS.
{secrets}
  # Another value of a secret is not seen without another number.
  secrets_wo_version = parseint(substr(local.version, 0, {_VERSION_DIGITS}), 16)
}}

# Appends, and leaves other Actions of a flow alone. auth0_trigger_actions (the plural) lists a
# whole flow, and unbinds whatever is not in it: where you have that for one of these triggers, put
# the Action into its list, and leave this resource out.
resource "auth0_trigger_action" "customer_link" {{
  for_each = auth0_action.customer_link

  trigger   = each.key
  action_id = each.value.id
}}
"""


def _secret(name: str, value: str) -> str:
    """Return what sets a secret: of every Action, or of those alone that read it."""
    having = [each for each in TRIGGERS if name in secrets_of(each)]
    if len(having) == len(TRIGGERS):
        return f"""\
  secrets_wo {{
    name  = "{name}"
    value = {value}
  }}
"""
    return f"""\
  dynamic "secrets_wo" {{
    for_each = contains({json.dumps(having)}, each.key) ? [{value}] : []

    content {{
      name  = "{name}"
      value = secrets_wo.value
    }}
  }}
"""


def _trigger(name: str, trigger: str) -> str:
    return f'{{ name = {_quoted(action_name(name, trigger))}, version = "{VERSIONS[trigger]}" }}'


def _quoted(text: str) -> str:
    """Return a text as Terraform has it: like JSON, but for what begins a template."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("${", "$${").replace("%{", "%%{")

"""The template as CloudFormation sees it: translated by AWS's own translator."""

import copy
import logging
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from sandbox.aws import REGION

ROOT = Path(__file__).parents[1]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
BUCKET = "artifacts"


class _ManagedPolicies:
    """What the translator would ask IAM for."""

    def load(self) -> dict[str, str]:
        name = "AWSCodeDeployRoleForLambda"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}


def translated(template: dict[str, Any]) -> dict[str, Any]:
    """Translate a SAM template whose artifacts `sam package` has put into a bucket."""
    packaged = copy.deepcopy(template)
    packaged.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for name, resource in packaged["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/{name}"
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = {"Bucket": BUCKET, "Key": name}
    return transformed(packaged)


def transformed(packaged: dict[str, Any]) -> dict[str, Any]:
    """Translate a SAM template that names its artifacts in S3."""
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": REGION}):
        document: dict[str, Any] = transform(packaged, {}, _ManagedPolicies())
    return document

"""docs/declared.md: what it shows of other tools is what they take."""

import ast
import re
from pathlib import Path
from typing import Any

import hcl2
import pytest
from tests.e2e.runtime import ROOT
from tests.test_docs import shell, starting
from tests.translation import TEMPLATE

from customerlink.cli.a0deploy import files
from customerlink.cli.declared import API_VARIABLE, SECRET_VARIABLE, TEXTS_VARIABLE, handed_over
from customerlink.model.actions import TRIGGERS

PAGE = (ROOT / "docs" / "declared.md").read_text()
BODY_LIMIT = 51_200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""

# The page of aws_cloudformation_stack in the documentation of Terraform's AWS provider.
STACK = {"name", "template_url", "template_body", "capabilities", "parameters", "tags", "timeouts"}


def blocks(language: str) -> list[str]:
    """Return the page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def block(language: str, beginning: str) -> Any:
    """Return what the one block of Terraform's that begins so declares."""
    [text] = [each for each in blocks(language) if each.startswith(beginning)]
    [(_, inner)] = hcl2.loads(text)[beginning][0].items()
    return inner


def test_cdk() -> None:
    """Python that parses; the parameters are the template's; ten lines."""
    [text] = blocks("python")
    calls = {
        node.func.id: node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    given = {each.arg: ast.literal_eval(each.value) for each in calls["CfnInclude"].keywords}

    assert given["template_file"] == "packaged.yaml"
    assert given["parameters"].keys() <= TEMPLATE["Parameters"].keys()
    assert len(text.splitlines()) <= 14


def test_stack_by_terraform() -> None:
    """With what the template needs: it makes roles, and is transformed."""
    [(_, resource)] = block("hcl", "resource").items()
    given = {each: value for each, value in resource.items() if not each.startswith("__")}

    assert given.keys() <= STACK
    assert "template_url" in given
    assert (ROOT / "template.yaml").stat().st_size > BODY_LIMIT
    assert "CAPABILITY_AUTO_EXPAND" in str(given["capabilities"])
    assert given["parameters"].keys() <= TEMPLATE["Parameters"].keys()


def test_module() -> None:
    """It is given all its variables, and no others."""
    given = {each for each in block("hcl", "module") if not each.startswith("__")}

    assert given == {"source", API_VARIABLE, SECRET_VARIABLE, TEXTS_VARIABLE}


def test_the_handed_over_are_listed() -> None:
    """Every variable of the file has its place in the table."""
    names = re.findall(
        r"^(\w+)=", handed_over("https://x/post-login", "whsec_b2xk", "{}"), re.MULTILINE
    )

    assert [each for each in names if f"`{each}`" not in PAGE] == []


@pytest.mark.parametrize("name", ["tenant.yaml", "triggers.yaml"])
def test_files_are_named(name: str) -> None:
    """Those that people merge."""
    assert name in files("Customer Link", TRIGGERS)
    assert f"`{name}`" in PAGE


def test_packaging(tmp_path: Path) -> None:
    """It needs a bucket; what can be checked without: the options."""
    words = starting("sam package").split()
    shown = shell("sam package --help", tmp_path)

    assert [each for each in words if each.startswith("--") and each not in shown] == []


def test_pipelines_end_with_doctor() -> None:
    """Behind each tool's run stands `customerlink doctor`."""
    pipelines = [each.split("\n") for each in blocks("sh") if "doctor" in each]

    assert [each[0].split()[0] for each in pipelines] == ["a0deploy", "terraform"]
    assert {each[1] for each in pipelines} == {"customerlink doctor"}

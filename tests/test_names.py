"""Names in docstrings, comments and documents: what stands in back-quotes exists."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tokenize import COMMENT, generate_tokens

import pytest
import stripe
from tests.e2e.runtime import ROOT

CODE = sorted(
    path
    for folder in ("src", "tests", "tools", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
]
OTHER_TEXTS = [
    *(
        ROOT / name
        for name in ("template.yaml", "edge.yaml", "Makefile", "pyproject.toml", "samconfig.toml")
    ),
    *(ROOT / "src").rglob("*.js*"),
    *(ROOT / "src").rglob("*.yaml"),
]
MAKEFILE = (ROOT / "Makefile").read_text()
FILES = {
    path.relative_to(ROOT).as_posix()
    for folder in (
        "src",
        "tests",
        "tools",
        "benchmarks",
        "docs",
        "events",
        "examples",
        "requirements",
        ".ci",
        ".github",
    )
    for path in (ROOT / folder).rglob("*")
    if "__pycache__" not in path.parts
} | {path.name for path in ROOT.iterdir()}
ENDINGS = ("py", "js", "mjs", "md", "yaml", "toml", "json", "txt", "svg")

FOREIGN = {
    "Customer.get_or_create": "a function of dj-stripe's",
    "createCustomerOnSignUp": "an option of better-auth's",
    "OPENAPI_VERSION": "a file of Stripe's repositories",
    "Runtime exited": "a line of Lambda's",
    "Task timed out": "likewise",
    "/var/task": "Lambda's folder",
    "-X importtime": "an option of Python's",
    "pipx install --python 3.13 .": "a command",
    "cus_A": "an example",
    "TransactWriteItems": "an operation of DynamoDB's that nothing here calls",
    "TransactionConflict": "an error of its",
    "msgspec.Struct": "a class of a library that is not used",
    "TF_VAR_customerlink_api": "a variable as Terraform takes it",
    "TF_VAR_customerlink_signing_secret": "likewise",
    "TF_VAR_customerlink_denial_texts": "likewise",
}
"""What is nobody's of this repository, and whose it is."""

OBJECTS = {"api", "app_metadata", "client", "event", "metadata", "profiles", "user_metadata"}
"""Whose parts Auth0's or Stripe's documents name, or people choose."""

WORD = re.compile(r"(?<!\w)[A-Za-z_]\w*")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


@dataclass
class Known:
    """What there is to be named."""

    defined: dict[str, set[str]] = field(default_factory=dict)
    """By module, or class: its names."""
    words: set[str] = field(default_factory=set)
    """Every identifier, and every word of a string that is no docstring."""
    texts: list[str] = field(default_factory=list)
    """Those strings, and the files that are not Python."""

    def has(self, dotted: str) -> bool:
        """Return whether a name leads to a module, or to what a module or a class defines."""
        owner, _, name = dotted.rpartition(".")
        owners = [each for each in self.defined if f".{each}".endswith(f".{owner}")]
        return any(f".{each}".endswith(f".{dotted}") for each in self.defined) or any(
            name in self.defined[each] for each in owners
        )


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Return every statement that is a text alone: an attribute's docstring as well."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str()) as text):
                yield text
            case _:
                pass


@cache
def known() -> Known:
    """Read the whole code once."""
    found = Known()
    for path in CODE:
        tree = ast.parse(path.read_text())
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts).removeprefix("src.").removesuffix(".__init__")
        found.defined[module] = {*_defined(tree.body)}
        texts = {id(each) for each in docstrings(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.defined[f"{module}.{node.name}"] = {*_members(node)}
            match node:
                case ast.Constant(value=str(text)) if id(node) not in texts:
                    found.texts.append(text)
                    found.words |= {*WORD.findall(text)}
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                    found.words |= {*name.split(".")}
                case ast.arg(arg=name) | ast.keyword(arg=str(name)) | ast.ClassDef(name=name):
                    found.words.add(name)
                case ast.FunctionDef(name=name):
                    found.words.add(name)
                case _:
                    pass
    for path in OTHER_TEXTS:
        found.texts.append(path.read_text())
        found.words |= {*WORD.findall(found.texts[-1])}
    found.words |= {part for each in FILES for part in WORD.findall(each)}
    return found


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for each in body:
        match each:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (
                    name.id
                    for target in targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name for alias in names)
            case ast.If(body=inner) | ast.With(body=inner) | ast.Try(body=inner):
                yield from _defined(inner)
            case _:
                pass


def _members(kind: ast.ClassDef) -> Iterator[str]:
    yield from _defined(kind.body)
    for node in ast.walk(kind):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def quoted(text: str) -> Iterator[str]:
    """Return what stands in back-quotes, each on one line."""
    yield from (" ".join(each.split()) for each in re.findall(r"`+([^`]+)`+", text))


def unresolved(text: str, page: str = "") -> str | None:
    """Return what of a quoted text names nothing; a page has shell variables of its own."""
    if text in FOREIGN:
        return None
    target = re.search(r"\bmake ([a-z-]+)", text)
    if target:
        return None if re.search(rf"^{target[1]}:", MAKEFILE, re.MULTILINE) else target[0]
    words = text.removeprefix("customerlink ").split()
    if words[0] in COMMANDS or words[0].startswith("--"):
        return _unresolved_command(words)
    plain = re.sub(r"https?://\S*", "", text).removeprefix("… ")
    if _is_a_file(plain):
        return None
    parts = re.findall(r"[\w…*/.-]*/[\w…*/.<>{}-]*|[\w….-]+", re.sub(r"(?<![/\w])<\w+>", "", plain))
    return next((each for each in parts if not _names_something(each, page)), None)


def _is_a_file(text: str) -> bool:
    pattern = re.escape(text.rstrip("/")).replace("…", "[^/]*")
    return bool(text) and any(re.search(f"(^|/){pattern}$", each) for each in FILES)


def _names_something(part: str, page: str) -> bool:
    names, name = known(), part.strip("./-*…")
    if not name or _is_a_file(part):
        return True
    if "/" in part:
        # A route, or a log group; what is in it for a name, the code has too, in its own form.
        pieces = [each.strip("/…*") for each in re.split(r"<\w+>|\{\w+\}", part)]
        patterns = [rf"(?<!\w){re.escape(each)}(?!\w)" for each in pieces if each]
        return all(any(re.search(each, text) for text in names.texts) for each in patterns)
    if name.rpartition(".")[2] in ENDINGS:
        return any(name in each for each in names.texts)
    if DOTTED.fullmatch(name):
        is_foreign = name.partition(".")[0] in OBJECTS or _is_the_stripe_packages(name)
        return is_foreign or names.has(name) or any(name in each for each in names.texts)
    return all(
        word in names.words or f"CUSTOMERLINK_{word}" in names.words or f"${word}" in page
        for word in WORD.findall(name)
    )


def _is_the_stripe_packages(name: str) -> bool:
    return name.startswith("stripe.") and hasattr(stripe, name.removeprefix("stripe."))


def _unresolved_command(words: list[str]) -> str | None:
    """Look for its help text, which has its flags, and their values where there is a choice."""
    shown = HELPS[""]
    if words[0] in COMMANDS:
        # Of a group, and of its command, the longer name is the command's.
        told = [name for name in HELPS if name and name.split() == words[: len(name.split())]]
        shown += HELPS[max(told)]
        verb, rest = max(told), words[len(max(told).split()) :]
        if f"{verb} [OPTIONS] COMMAND" in shown and rest:
            return " ".join(words)
    else:
        shown = "".join(HELPS.values())
    flags = [each for each in words if each.startswith("--")]
    flags += [kind for flag, kind in pairwise(words) if flag == "--kind" and kind != "…"]
    return next((each for each in flags if not re.search(rf"(?<![\w-]){each}\b", shown)), None)


HELPS = {
    name.strip(): text
    for name, text in re.findall(
        r"^## customerlink([^\n]*)\n+```\n(.*?)^```",
        (ROOT / "docs/cli.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
}
COMMANDS = {each.split()[0] for each in HELPS if each}
DOCUMENTS = {str(each.relative_to(ROOT)) for each in PAGES}


def sources() -> Iterator[tuple[str, str]]:
    """Return each place of the repository's with a text in which names are quoted."""
    for path in CODE:
        place, text = path.relative_to(ROOT), path.read_text()
        for each in docstrings(ast.parse(text)):
            yield f"{place}:{each.lineno}", str(each.value)
        for token in generate_tokens(StringIO(text).readline):
            if token.type == COMMENT:
                yield f"{place}:{token.start[0]}", token.string
    for page in PAGES:
        text = page.read_text()
        # tests/test_docs.py runs the commands of fenced blocks, and follows the links.
        prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
        yield str(page.relative_to(ROOT)), re.sub(r"\]\([^)]*\)", "]", prose)


FILE = re.compile(rf"(?<![\w/.…-])[\w./-]*\w\.(?:{'|'.join(ENDINGS)})\b")
"""Also where nobody quotes it."""


def names_nothing(text: str, page: str = "") -> list[str]:
    """Return the names in a text that lead nowhere."""
    plain = re.sub(r"https?://\S+", "", text)
    each_once = dict.fromkeys((*quoted(text), *FILE.findall(plain)))
    return [wrong for each in each_once if (wrong := unresolved(each, page))]


def test_names_exist() -> None:
    """Whatever is quoted is a name of the code's, a file, a command, or a part of the wire's."""
    wrong = [
        f"{place}: {name}"
        for place, text in sources()
        for name in names_nothing(text, (ROOT / place).read_text() if place in DOCUMENTS else "")
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "planted",
    [
        "`sources.EXPORT_FIELDS`",
        "backfill.yaml",
        "`reconcile.store`",
        "`Lease.last_seen`",
        "`customerlink.model.drift.Kind`",
        "`src/customerlink/entrypoints/`",
        "`adapters/aws_json.py`",
        "`ProvisioningFunction`",
        "`CUSTOMERLINK_ON_OUTAGE`",
        "`OnOutage=deny`",
        "`customer_deleted`",
        "`POST /customers/you`",
        "`make proof`",
        "`customerlink mend`",
        "`customerlink repair --gently`",
        "`repair --kind unlisted`",
        "`customerlink rotate stripe-secret`",
        "`--register`",
    ],
)
def test_a_name_that_is_nobodys_is_caught(planted: str) -> None:
    """In whatever form it comes; the first three stood in the code once."""
    assert names_nothing(f"As {planted} has it.") != []

"""Questions to whoever is at the terminal."""

from questionary import Question

from customerlink.cli.errors import CliError, Exit


def answer(question: Question) -> str:
    """Return what somebody answers; raise where they end the input instead, by Ctrl-D."""
    try:
        # Not `ask`, whose None at Ctrl-C would become the answer "None".
        return str(question.unsafe_ask()).strip()
    except EOFError:
        raise CliError("The question was not answered.", "", Exit.USAGE) from None

"""A plan to read, to edit, and to carry out: what mends each finding, line by line."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.drift import IN_ORDER, Drift, Finding
from customerlink.model.repair_plan import ACT, SAFE, Act, PlanError, Step, planned, read

IDS = st.none() | st.text()
FINDINGS = st.lists(
    st.builds(
        Finding,
        drift=st.sampled_from(Drift),
        user_id=IDS,
        customer_id=IDS,
        detail=st.just("") | st.text(),
    )
)
STEP = Step(Act.RECORD, Drift.UNRECORDED, "auth0|ada", "cus_1", "unrecorded")
LINE = STEP.line()


def step_for(drift: Drift, detail: str = "") -> Step:
    """Return the one step that mends a finding."""
    [step] = planned([Finding(drift, "auth0|ada", "cus_1", detail)])
    return step


class TestPlanned:
    """What mends each kind of finding."""

    @pytest.mark.parametrize(
        ("drift", "act"),
        [
            (Drift.UNRECORDED, "record"),
            (Drift.UNLINKED, "provision"),
            (Drift.DANGLING, "clear"),
            (Drift.WRONG_MODE, "clear"),
            (Drift.EMAIL_DRIFT, "set_email"),
            (Drift.MISMATCHED, "decide"),
            (Drift.OTHER_TENANT, "rename"),
            (Drift.DUPLICATE, "decide"),
            (Drift.ORPHANED, "decide"),
            (Drift.UNCLAIMED, "claim"),
            (Drift.ABANDONED, "remove"),
            (Drift.UNNAMED, "adopt"),
            (Drift.LETTER_CASE, "lower_email"),
        ],
    )
    def test_act(self, drift: Drift, act: str) -> None:
        """The step names both sides, and why it is to be done."""
        step = step_for(drift)

        assert (step.act, step.drift) == (Act(act), drift)
        assert (step.user_id, step.customer_id) == ("auth0|ada", "cus_1")
        assert step.reason.startswith(str(drift))

    @given(FINDINGS)
    def test_what_is_in_order_needs_no_step(self, findings: list[Finding]) -> None:
        """Everything else gets exactly one, in the order in which it was found."""
        mended = [each.drift for each in planned(findings)]

        assert mended == [each.drift for each in findings if each.drift not in IN_ORDER]

    def test_taken_address_is_for_somebody_to_decide(self) -> None:
        """The pipeline would deny the user, so that no customer is to be made."""
        step = step_for(Drift.UNLINKED, "cus_9")

        assert (step.act, step.reason) == (Act.DECIDE, "unlinked, and the address has cus_9")

    def test_customer_that_two_profiles_have_is_for_somebody_to_decide(self) -> None:
        """Either of the two would be in the right."""
        step = step_for(Drift.UNNAMED, "auth0|bob")

        assert step.act is Act.DECIDE
        assert "the profile of auth0|bob has it too" in step.reason

    def test_linked_accounts_customer_follows_the_primary(self) -> None:
        """The secondary is no user any more: the step is the primary's."""
        step = step_for(Drift.ORPHANED, "auth0|primary")

        assert (step.act, step.user_id) == (Act.FOLLOW, "auth0|primary")
        assert step.reason == "auth0|ada is linked to auth0|primary"

    def test_detail_is_told(self) -> None:
        """Whoever decides reads what else was found."""
        assert step_for(Drift.DUPLICATE, "cus_1 cus_2").reason == "duplicate: cus_1 cus_2"

    def test_every_act_is_planned_for_some_kind(self) -> None:
        """Whoever adds an act says for what."""
        found = [
            Finding(kind, "auth0|1", "cus_1", detail)
            for kind in Drift
            for detail in ("", "auth0|2")
        ]

        assert {each.act for each in planned(found)} == set(Act)

    def test_what_is_repaired_by_default_takes_nothing_away(self) -> None:
        """It neither deletes, nor makes, nor takes an id out of a profile."""
        assert {ACT[kind] for kind in SAFE} == {Act.RECORD, Act.CLAIM}


class TestRead:
    """A plan that comes back, edited perhaps."""

    @given(FINDINGS)
    def test_is_what_was_planned(self, findings: list[Finding]) -> None:
        """To the letter, whatever ids and details are."""
        steps = [*planned(findings)]

        assert [*read(each.line() for each in steps)] == steps

    def test_line_is_one_line(self) -> None:
        """A detail with a line break does not break the plan."""
        assert "\n" not in Step(Act.DECIDE, Drift.DUPLICATE, None, None, "two\nlines").line()

    def test_empty_lines_are_passed_over(self) -> None:
        """Somebody's editor leaves one at the end."""
        assert [*read(["\n", LINE, "  \n", LINE + "\n", ""])] == [STEP, STEP]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{", "cannot be read"),
            ("[]", "is no object"),
            ('"record"', "is no object"),
            ("null", "is no object"),
        ],
    )
    def test_no_object(self, text: str, problem: str) -> None:
        """The line is named, with what is wrong about it."""
        with pytest.raises(PlanError, match=f"^line 1 of the plan {problem}$"):
            next(read([text]))

    @pytest.mark.parametrize("opening", ["[", '{"plan": [', '{"reason": ', "[[{"])
    def test_nested_beyond_reading(self, opening: str) -> None:
        """It is a line that cannot be read, as any other."""
        with pytest.raises(PlanError, match="line 1 of the plan cannot be read"):
            next(read([opening * 100_000]))

    @pytest.mark.parametrize("name", ["act", "drift", "user_id", "customer_id", "reason"])
    def test_missing(self, name: str) -> None:
        """No field may be left out."""
        row = json.loads(LINE)
        del row[name]
        with pytest.raises(PlanError, match="line 1 of the plan cannot be read"):
            next(read([json.dumps(row)]))

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({"act": "delete"}, "cannot be read"),
            ({"drift": "strange"}, "cannot be read"),
            ({"act": None}, "cannot be read"),
            ({"act": [[]]}, "cannot be read"),
            ({"drift": {}}, "cannot be read"),
            ({"user_id": 1}, "has an id of a wrong type"),
            ({"customer_id": ["cus_1"]}, "has an id of a wrong type"),
        ],
    )
    def test_wrong(self, changed: dict[str, Any], problem: str) -> None:
        """An act, a kind or an id that is none."""
        with pytest.raises(PlanError, match=f"line 1 of the plan {problem}"):
            next(read([json.dumps(json.loads(LINE) | changed)]))

    @pytest.mark.parametrize("bad", [lambda line: line[:-1], lambda _: "{}"])
    def test_nothing_is_given_unless_all_can_be_read(self, bad: Callable[[str], str]) -> None:
        """Of a plan whose last line is bad not even the first step is carried out."""
        given: list[Step] = []
        with pytest.raises(PlanError, match="line 4 of the plan cannot be read"):
            given.extend(read([LINE, "", LINE, bad(LINE)]))

        assert given == []

    @given(st.text())
    def test_any_line_is_a_step_or_an_error(self, text: str) -> None:
        """Whatever somebody wrote, the command line says so in a sentence."""
        try:
            steps = [*read([text])]
        except PlanError:
            return

        assert len(steps) <= 1


@pytest.mark.parametrize("drift", [Drift.DANGLING, Drift.WRONG_MODE])
@pytest.mark.parametrize(("detail", "then"), [("", "unlinked"), ("cus_2", "unrecorded")])
def test_first_of_two_steps(drift: Drift, detail: str, then: str) -> None:
    """The plan names the second one too."""
    assert step_for(drift, detail).reason == f"{drift}; then repair --kind {then}"


@pytest.mark.parametrize("steps", [[], [STEP], [STEP, STEP]])
def test_document_of_steps(steps: list[Step]) -> None:
    """What --json prints is read as its lines are."""
    document = {"plan": [json.loads(each.line()) for each in steps], "rows": []}

    assert [*read([json.dumps(document)])] == steps

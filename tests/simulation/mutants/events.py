"""Events: each guard on the way from a message to a look taken out."""

from tests.simulation.mutants.mutant import Mutant

EVENTS, FOLLOW, MISSED, BEATS = (
    "model/events.py",
    "usecases/follow_events.py",
    "usecases/missed_sign_ups.py",
    "usecases/send_beat.py",
)
_BEATS = "tests/usecases/test_send_beat.py"
_EVENTS = "tests/model/test_events.py"
_FOLLOW = "tests/usecases/test_follow_events.py"
_MISSED = "tests/usecases/test_missed_sign_ups.py"

FOLLOWED = [
    Mutant(
        "an event of test data under a live key",
        EVENTS,
        "if is_live is not served.is_live:",
        "if False:",
        caught_by=f"{_EVENTS}::test_who_is_not_ours",
    ),
    Mutant(
        "an event of another tenant",
        EVENTS,
        "if tenant != served.tenant:",
        "if False:",
        caught_by=f"{_EVENTS}::test_who_is_not_ours",
    ),
    Mutant(
        "an event of another source",
        EVENTS,
        'is_ours = served.stripe_source in ("", source)',
        "is_ours = True",
        caught_by=f"{_EVENTS}::test_who_is_not_ours",
    ),
    Mutant(
        "an event of a connected account",
        EVENTS,
        'if detail.found_text("account") is not None:',
        "if False:",
        caught_by=f"{_EVENTS}::test_a_connected_accounts",
    ),
    Mutant(
        "whom a customer named before is not looked at",
        EVENTS,
        "return [*_named(has), *_named(has | had)]",
        "return [*_named(has)]",
        caught_by=f"{_EVENTS}::test_a_customer_that_names_another",
    ),
    Mutant(
        "linked accounts are no reason to look",
        EVENTS,
        "self.may_write, self.profile.identities,",
        "self.may_write,",
        caught_by=f"{_EVENTS}::test_what_a_customer_follows",
    ),
    Mutant(
        "an event does not say which address was not verified",
        EVENTS,
        "values = values_of(user, found, served.fields, changes.compared)",
        "values = values_of(user, found, served.fields, changes)",
        caught_by=f"{_EVENTS}::test_an_address_that_is_not_verified",
    ),
    Mutant(
        "an address that is verified is no reason to look",
        EVENTS,
        "return folded_values, self.may_write,",
        "return folded_values,",
        caught_by=f"{_EVENTS}::test_what_a_customer_follows",
    ),
    Mutant(
        "a field that was emptied passes for an echo",
        EVENTS,
        "is_whole = is_edit_alone and has.values.keys() == self.fields",
        "is_whole = is_edit_alone",
        caught_by=f"{_EVENTS}::test_a_field_that_was_emptied",
    ),
    Mutant(
        "a beat hides an edit",
        EVENTS,
        "if not change.is_relevant:",
        "if not change.is_relevant or BEAT in change.before.metadata_keys():",
        caught_by=f"{_EVENTS}::test_a_beat_hides_nothing",
    ),
    Mutant(
        "an echo of another customer's",
        FOLLOW,
        "is_of_it = memory.customer_id == shown.customer_id and memory.keyed_by == digests.name",
        "is_of_it = memory.keyed_by == digests.name",
        caught_by=f"{_FOLLOW}::test_without_what_was_before",
    ),
    Mutant(
        "an echo while a write may be on its way",
        FOLLOW,
        "and not memory.writing",
        "and True",
        caught_by=f"{_FOLLOW}::test_a_write_under_way_is_looked_at",
    ),
    Mutant(
        "each event is a look of its own",
        FOLLOW,
        "if user not in self._looks:",
        "if True:",
        caught_by=f"{_FOLLOW}::test_what_comes_together_is_one_look",
    ),
    Mutant(
        "what may pass by itself is never parked",
        FOLLOW,
        "PARKED_AT = 3",
        "PARKED_AT = 11",
        caught_by=f"{_FOLLOW}::test_no_time_left",
    ),
    Mutant(
        "parking forgets what the other events said",
        FOLLOW,
        "self._follow.sync.park(user, _told(each for each, _ in about))",
        "self._follow.sync.park(user)",
        caught_by=f"{_FOLLOW}::test_many_events_are_parked_once",
    ),
    Mutant(
        "a message is done that the ledger did not take",
        FOLLOW,
        """            except LedgerUnavailableError:
                return Ending.AGAIN
            self._parked.add(user)""",
        """            except LedgerUnavailableError:
                return Ending.DONE
            self._parked.add(user)""",
        caught_by=f"{_FOLLOW}::test_a_silent_ledger_loses_nothing",
    ),
    Mutant(
        "what is due waits in the queue too",
        FOLLOW,
        """        if sighting.kind is EventKind.DUE:
            return Ending.DONE
        if isinstance(look""",
        """        if isinstance(look""",
        caught_by=f"{_FOLLOW}::test_what_is_due_never_waits_in_the_queue",
    ),
    Mutant(
        "who is not due is looked at",
        FOLLOW,
        "return memory.due_at is None or memory.due_at > now",
        "return False",
        caught_by=f"{_FOLLOW}::test_what_is_parked_comes_back",
    ),
    Mutant(
        "bugs come again for ever",
        FOLLOW,
        "DEAD_AT = 5",
        "DEAD_AT = 99",
        caught_by=f"{_FOLLOW}::test_bugs_end",
    ),
    Mutant(
        "who has not logged in is missed",
        MISSED,
        "if profile.last_login is None:",
        "if profile.last_login is None and profile.customer_id:",
        caught_by=f"{_MISSED}::test_by_the_profile",
    ),
    Mutant(
        "a report that is on its way is missed",
        MISSED,
        "AT_IT_SECONDS = 120.0",
        "AT_IT_SECONDS = -1e9",
        caught_by=f"{_MISSED}::test_a_login_just_now",
    ),
    Mutant(
        "who is to verify an address first is provisioned",
        MISSED,
        "if self.policy.verified_email is VerifiedEmail.REQUIRED and not profile.email_verified:",
        "if False:",
        caught_by=f"{_MISSED}::test_policies_of_the_sign_up",
    ),
    Mutant(
        "a newcomer is forgotten while Stripe is down",
        MISSED,
        "return Newcomer.WAITING if outcome.reason in PASSING else Newcomer.MISSED",
        "return Newcomer.MISSED",
        caught_by=f"{_MISSED}::test_stripe_is_down",
    ),
    Mutant(
        "a beat changes a customer that is not the canary",
        BEATS,
        "if is_canary(each.metadata_keys):",
        "if not is_canary(each.id):",
        caught_by=f"{_BEATS}::test_ends",
    ),
    Mutant(
        "a beat that Stripe refuses counts as sent",
        BEATS,
        "if isinstance(changed, Done):",
        "if changed:",
        caught_by=f"{_BEATS}::test_ends",
    ),
]

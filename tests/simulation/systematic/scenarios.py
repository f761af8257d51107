"""The scenarios: a few invocations each."""

from tests.simulation.auth0 import DATABASE, PASSWORDLESS, User
from tests.simulation.history import HOUR
from tests.simulation.systematic.choices import Bounds
from tests.simulation.systematic.deviations import GAPS, SOON
from tests.simulation.systematic.play import Play
from tests.simulation.systematic.search import Scenario

from customerlink.model.policy import ExistingCustomer, ExistingUsers, OnFailure, ProvisionAt

ONE = "one@example.com"


def two_tabs(play: Play) -> None:
    """Let a new user log in twice."""
    ada = play.user("ada")
    play.one_after_another(play.login(ada), play.login(ada), gaps=GAPS)


def one_address(play: Play) -> None:
    """Let two new users with one address log in."""
    ada, eve = play.user("ada"), play.user("eve", "One@example.com")
    play.one_after_another(play.login(ada), play.login(eve), gaps=GAPS)


def changed_address(play: Play) -> None:
    """Let a new user log in with one address, and then with another."""
    ada = play.user("ada")
    other = play.login(ada, "two@example.com")
    play.one_after_another(play.login(ada), other, gaps=GAPS)


def login_and_checkout(play: Play) -> None:
    """Let a new user log in and check out."""
    ada = play.user("ada")
    play.in_either_order(play.login(ada), lambda: play.entries.checkout(ada), gaps=GAPS[:2])


def login_and_repair(play: Play) -> None:
    """Let a sign-up that stayed open be repaired while its user, or a namesake, logs in."""
    ada, eve = play.user("ada"), play.user("eve")
    begun = play.choose("time-out before the effect", "time-out after the effect")
    play.before_all(play.login(ada), forced={"create": begun})
    play.later(150.0)
    who = play.choose(ada, eve)
    play.in_either_order(play.login(who), play.entries.repair)


def login_and_linking(play: Play) -> None:
    """Let a new user log in while an account that has a customer is linked to theirs."""
    ada, work = play.user("ada"), play.user("work", play.choose("two@example.com", ONE))
    play.before_all(play.login(work))
    play.later(play.choose(SOON, 100.0))
    play.in_either_order(play.login(ada), lambda: play.entries.link(ada, work))


def login_of_the_linked(play: Play) -> None:
    """Let a new user log in while their account is linked to one that has a customer, or not."""
    ada, work = play.user("ada"), play.user("work", "two@example.com")
    if play.choose("with a customer", "without") == "with a customer":
        play.before_all(play.login(ada))
        play.later(100.0)
    play.in_either_order(play.login(work), lambda: play.entries.link(ada, work))


def linking_twice(play: Play) -> None:
    """Let somebody click twice to link an account that has a customer."""
    ada, work = play.user("ada"), play.user("work", "two@example.com")
    play.before_all(play.login(work))
    if play.choose("with a customer", "without") == "with a customer":
        play.before_all(play.login(ada))
    play.later(100.0)
    link = lambda: play.entries.link(ada, work)  # noqa: E731
    play.one_after_another(link, link, gaps=GAPS[:2])


def checkout_and_linking(play: Play) -> None:
    """Let a user check out while an account that has a customer is linked to theirs."""
    ada, work = play.returning("ada"), play.user("work", "two@example.com")
    play.before_all(play.login(work))
    play.later(100.0)
    link = lambda: play.entries.link(ada, work)  # noqa: E731
    play.in_either_order(lambda: play.entries.checkout(ada), link)


def two_secondaries(play: Play) -> None:
    """Let two accounts that have customers be linked to one that has one, or none."""
    ada = play.user("ada")
    work, home = play.user("work", "two@example.com"), play.user("home", "three@example.com")
    play.before_all(play.login(work), play.login(home))
    if play.choose("with a customer", "without") == "with a customer":
        play.before_all(play.login(ada))
    play.later(100.0)
    links = (lambda: play.entries.link(ada, work), lambda: play.entries.link(ada, home))
    play.one_after_another(*links)


def registration_and_logins(play: Play) -> None:
    """Let somebody register, and then log in twice, or once beside a repair."""
    how = play.choose("told", "not told", PASSWORDLESS)
    connection = PASSWORDLESS if how == PASSWORDLESS else DATABASE
    ada = User("auth0|ada", ONE, is_verified=True, connection=connection)
    register = play.registration(ada, is_told=how == "told")
    claim = lambda: play.entries.claim(ada)  # noqa: E731
    last = claim if play.choose("login", "claim") == "claim" else play.login(ada)
    play.one_after_another(register, play.login(ada), last)


def refused_registration(play: Play) -> None:
    """Let somebody whom Auth0 refused register again while the first try is repaired."""
    play.world.lag = play.choose(0.0, 1.0)
    ada = User("auth0|ada", ONE, is_verified=True, connection=DATABASE)
    begun = play.choose({}, {"create": "time-out after the effect"})
    play.before_all(play.registration(ada, is_refused=True), forced=begun)
    play.later(150.0)
    play.in_either_order(play.registration_and_login(ada), play.entries.repair)


def moved_registrant(play: Play) -> None:
    """Let somebody register with an address that another one has registered with and left.

    Auth0 loses no metadata: a profile would go on carrying the customer that is the other one's.
    """
    play.explorer.spared.add("metadata")
    play.world.lag = play.choose(0.0, 1.0)
    ada = User("auth0|ada", ONE, is_verified=True, connection=DATABASE)
    eve = User("auth0|eve", ONE, is_verified=True, connection=DATABASE)
    play.before_all(play.registration(ada))
    ada.email = "two@example.com"
    play.later(play.choose(SOON, 100.0))
    play.in_either_order(play.login(ada), play.registration_and_login(eve))


def two_registrations(play: Play) -> None:
    """Let two people register with one address, with one connection or two; then log in."""
    connection = play.choose(DATABASE, "other")
    play.world.lag = play.choose(0.0, 1.0)
    ada = User("auth0|ada", ONE, is_verified=True, connection=DATABASE)
    eve = User("auth0|eve", ONE, is_verified=True, connection=connection)
    both = (play.registration_and_login(ada), play.registration_and_login(eve))
    play.one_after_another(*both, gaps=GAPS)


def adoption_by_two(play: Play) -> None:
    """Let two users of one address find a customer of nobody's."""
    play.set_policy(existing_customer=ExistingCustomer.ADOPT)
    play.world.create({"email": ONE, "metadata": {}}, by_person=True)
    play.later(100.0)
    ada, eve = play.user("ada"), play.user("eve")
    play.one_after_another(play.login(ada), play.login(eve), gaps=GAPS)


def adoption_between_addresses(play: Play) -> None:
    """Let a user log in with an address that has a customer of nobody's, and with another."""
    play.set_policy(existing_customer=ExistingCustomer.ADOPT)
    play.world.create({"email": ONE, "metadata": {}}, by_person=True)
    play.later(100.0)
    ada = play.user("ada")
    play.in_either_order(play.login(ada, ONE), play.login(ada, "two@example.com"), gaps=GAPS)


def backfill_and_login(play: Play) -> None:
    """Let a user from before the installation be filled in while they log in."""
    play.set_policy(existing_users=play.choose(*ExistingUsers))
    ada = play.returning("ada")
    play.in_either_order(play.login(ada), lambda: play.entries.backfill(ada), gaps=GAPS[:2])


def backfill_and_first_login(play: Play) -> None:
    """Let a user, or one with the same address, be filled in beside the user's first login."""
    ada, eve = play.user("ada"), play.returning("eve")
    who = play.choose(ada, eve)
    play.in_either_order(play.login(ada), lambda: play.entries.backfill(who), gaps=GAPS[:2])


def address_and_sign_up(play: Play) -> None:
    """Let a customer be given the address that somebody signs up with."""
    ada, eve = play.user("ada", "two@example.com"), play.user("eve")
    play.before_all(play.login(ada))
    play.later(100.0)
    ada.email = ONE
    play.in_either_order(lambda: play.entries.address(ada), play.login(eve), gaps=GAPS)


def two_address_changes(play: Play) -> None:
    """Let the customers of two users who have moved to one address be given it."""
    ada, eve = play.user("ada", "two@example.com"), play.user("eve", "three@example.com")
    play.before_all(play.login(ada), play.login(eve))
    play.later(100.0)
    ada.email = eve.email = ONE
    changes = (lambda: play.entries.address(ada), lambda: play.entries.address(eve))
    play.one_after_another(*changes, gaps=GAPS)


def two_checkouts(play: Play) -> None:
    """Let a user check out twice, or two with one address, where customers are made then."""
    play.set_policy(provision_at=ProvisionAt.CHECKOUT)
    ada, eve = play.user("ada"), play.user("eve")
    play.before_all(play.login(ada), play.login(eve))
    other = {"ada": ada, "eve": eve}[play.choose("ada", "eve")]
    checkouts = (lambda: play.entries.checkout(ada), lambda: play.entries.checkout(other))
    play.one_after_another(*checkouts, gaps=GAPS)


def three_logins(play: Play) -> None:
    """Let a new user log in twice, and another one with the same address."""
    ada, eve = play.user("ada"), play.user("eve")
    order = play.choose("ada ada eve", "ada eve ada", "eve ada ada")
    users = [ada if each == "ada" else eve for each in order.split()]
    play.one_after_another(*(play.login(each) for each in users), gaps=GAPS[:2])


def list_behind(play: Play) -> None:
    """Let another account sign up right after the first was linked, with a list that is behind."""
    play.world.lag = play.choose(1.0, 0.0)
    ada, eve = play.user("ada"), play.user("eve")
    gaps = (SOON, 0.9, 59.9, 60.1)
    play.one_after_another(play.login(ada), play.login(eve), gaps=gaps)


def forgotten_key(play: Play) -> None:
    """Let a user log in again once Stripe has forgotten the key of a create that came late."""
    ada = play.user("ada")
    begun = play.choose("effect long after the time-out", "time-out before the effect")
    play.before_all(play.login(ada), forced={"create": begun})
    play.later(play.choose(23 * HOUR - 46, 25 * HOUR))
    play.one_after_another(play.login(ada), play.login(ada), gaps=GAPS)


def denied_before(play: Play) -> None:
    """Let a user who was denied check out and log in, where policy lets in those who never were."""
    play.set_policy(on_failure=OnFailure.CONTINUE)
    ada, eve = play.user("ada"), play.user("eve")
    play.before_all(play.login(ada), play.login(eve))
    if play.choose("at once", "the address is free") != "at once":
        play.later(100.0)
        ada.email = "two@example.com"
        play.before_all(lambda: play.entries.address(ada))
        play.later(100.0)
    play.in_either_order(lambda: play.entries.checkout(eve), play.login(eve), gaps=GAPS[:2])


def deleted_customer(play: Play) -> None:
    """Let a user whose customer a person deleted log in twice."""
    ada = play.user("ada")
    begun = play.choose({}, {"create": "time-out after the effect"})
    play.before_all(play.login(ada), forced=begun)
    play.later(100.0)
    for customer_id in play.oracle.customers_of(ada):
        play.world.delete(customer_id)
    ada.metadata.pop("stripe_customer_id", None)
    play.one_after_another(play.login(ada), play.login(ada), gaps=GAPS)


def reassign_and_login(play: Play) -> None:
    """Let what a user who is gone had be reassigned while the user who came after logs in."""
    former, ada = play.user("former"), play.user("ada")
    play.before_all(play.login(former), lambda: play.auth0.delete(former))
    [customer_id] = play.oracle.customers_of(former)
    play.later(100.0)
    reassign = lambda: play.entries.reassign(customer_id, former, ada)  # noqa: E731
    play.in_either_order(play.login(ada), reassign, gaps=GAPS[:2])


def reassign_and_former_login(play: Play) -> None:
    """Let it be reassigned while a login of the former user's, who is deleted, is under way."""
    former, ada = play.user("former"), play.user("ada")
    play.before_all(play.login(former))
    [customer_id] = play.oracle.customers_of(former)
    former.metadata = {"stripe_signup": "unfinished"}
    play.later(100.0)

    def deleted_and_reassigned() -> None:
        play.auth0.delete(former)
        play.entries.reassign(customer_id, former, ada)

    play.one_after_another(
        play.login(former), deleted_and_reassigned, play.login(ada), gaps=GAPS[:2]
    )


_QUICK, _DEEP = Bounds(1, 1, 2), Bounds(2, 2, 3)
"""For the smallest ones."""

SCENARIOS = [
    Scenario(two_tabs, 2, 900, _QUICK, _DEEP),
    Scenario(one_address, 2, 1500, _QUICK, _DEEP),
    Scenario(changed_address, 2, 900, _QUICK, _DEEP),
    Scenario(login_and_checkout, 2, 120, deep=_DEEP),
    Scenario(login_and_repair, 2, 300),
    Scenario(login_and_linking, 2, 400),
    Scenario(login_of_the_linked, 2, 180),
    Scenario(linking_twice, 2, 240),
    Scenario(checkout_and_linking, 2, 100),
    Scenario(two_secondaries, 2, 130),
    Scenario(registration_and_logins, 3, 350),
    Scenario(two_registrations, 4, 400),
    Scenario(refused_registration, 3, 170),
    Scenario(moved_registrant, 3, 220),
    Scenario(adoption_by_two, 2, 140),
    Scenario(adoption_between_addresses, 2, 160),
    Scenario(backfill_and_login, 2, 220),
    Scenario(backfill_and_first_login, 2, 280),
    Scenario(address_and_sign_up, 2, 240),
    Scenario(two_address_changes, 2, 110),
    Scenario(two_checkouts, 2, 210),
    Scenario(three_logins, 3, 550),
    Scenario(list_behind, 2, 300),
    Scenario(forgotten_key, 2, 270),
    Scenario(deleted_customer, 2, 200),
    Scenario(denied_before, 2, 230),
    Scenario(reassign_and_login, 2, 300),
    Scenario(reassign_and_former_login, 3, 330, deep=_QUICK),
]

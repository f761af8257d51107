"""One rule at every door: the same user and customer get the same end, whoever asks.

What ends without a link has changed nothing: no claim, no metadata, no profile.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import FIXTURES
from tests.interleaving import TENANT, World, registrant, user

from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.profile import Profile, unfinished
from customerlink.model.repair_plan import Act
from customerlink.model.signup import SignUp, parse
from customerlink.model.trust import Trust
from customerlink.model.user import CustomerId, User, UserId, is_customer_id
from customerlink.usecases.backfill import BackfillStatus, why_not
from customerlink.usecases.link_accounts import Account, Followed, LinkFailure, Linking
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.repair import Outcome
from customerlink.usecases.sign_up import Provisioning

ADA, BOB = user("ada"), user("bob")
ADDRESS = "ada@example.com"
ADOPTING = Policy(existing_customer=ExistingCustomer.ADOPT)
TABLE: list[dict[str, Any]] = json.loads((FIXTURES / "customer-ids.json").read_text())
ODD_FORMS = [each["id"] for each in TABLE if not each["is_usable"] and each["id"]]
NO_TEXTS: list[object] = [42, 4.2, True, False, 0, ["cus_1"], [], {"id": "cus_1"}, {}]

type Document = dict[str, Any]
type Door = Callable[[World, Document], Reason | str]


def document(customer_id: object = None, who: User = ADA) -> Document:
    """Return a user as the Management API gives one."""
    metadata = {} if customer_id is None else {"stripe_customer_id": customer_id}
    return {
        "user_id": who.user_id,
        "email": ADDRESS,
        "email_verified": True,
        "app_metadata": metadata,
    }


def login(world: World, one: Document) -> Reason:
    """Log in for the first time."""
    body = {"tenant": {"id": TENANT}, "user": one, "stats": {"logins_count": 1}}
    signup = parse(json.dumps(body).encode(), Trust())
    assert isinstance(signup, SignUp)
    instruction = world.login(signup)
    assert instruction is not None
    return instruction.reason


def registration(world: World, one: Document) -> Reason:
    """Tell the new user's id to the customer that the registration made."""
    signup = unfinished(ADA, Profile.of(one, Trust()))
    return Provisioning(world.settling(signup, is_admission=True)).after_registration().reason


def checkout(world: World, one: Document) -> Reason:
    """Place an order."""
    world.tenant.profiles[one["user_id"]] = Profile.of(one, Trust())
    who = User(TENANT, UserId(one["user_id"]))
    return provision_existing(who, world.tenant, world.settling).reason


def backfill(world: World, one: Document) -> Reason | str:
    """Run the backfill."""
    world.tenant.profiles[one["user_id"]] = Profile.of(one, Trust())
    done = world.backfill(User(TENANT, UserId(one["user_id"])))
    assert done.status is not BackfillStatus.FAILED
    return done.why


def repair(world: World, one: Document) -> str:
    """Carry out what `repair --kind unlinked` plans."""
    world.tenant.profiles[one["user_id"]] = Profile.of(one, Trust())
    return world.repair(Act.PROVISION, User(TENANT, UserId(one["user_id"])), None).why


def account(one: Document) -> Account:
    """Return one of two accounts that are to be linked."""
    profile, who = Profile.of(one, Trust()), User(TENANT, UserId(one["user_id"]))
    return Account.of(who, profile)


def linking(world: World, first: Document, second: Document) -> Linking:
    """Begin to link two accounts."""
    run, ledger, stripe = world.ports()
    return Linking(account(first), account(second), ledger, stripe, run, world.policy)


def linking_as_primary(world: World, one: Document) -> str:
    """Link another account to this one, which has a customer: it would become this one's."""
    world.customer("bob@example.com", BOB)
    two = linking(world, one, document(who=BOB) | {"email": "bob@example.com"})
    refused, followed = two.refusal(), two.follow()
    assert refused is None or refused is followed
    return str(refused)


def linking_as_secondary(world: World, one: Document) -> str:
    """Link this one to another account, before Auth0 discards what its profile says."""
    return str(linking(world, document(who=BOB), one).refusal())


DOORS: list[Door] = [login, checkout, backfill, repair]
FOR_PROFILES: list[Door] = [
    *DOORS,
    registration,
    linking_as_primary,
    linking_as_secondary,
]


def state(world: World) -> tuple[object, ...]:
    """Return what a door may have changed, but for the sign-up's record and the address's lock."""
    claims = [each for each in world.table.items if each.startswith("adoption#")]
    return claims, world.stripe.account.live_customers()


@pytest.mark.parametrize("door", FOR_PROFILES)
class TestProfileSOwnPlace:
    """What stands where a profile has its customer's id, and is none of ours."""

    @pytest.mark.parametrize("value", [*NO_TEXTS, *ODD_FORMS], ids=lambda each: repr(each)[:20])
    def test_no_id(self, door: Door, value: object) -> None:
        """A person has to decide; nothing is overwritten."""
        world = World(ADOPTING)

        assert door(world, document(value)) == Reason.LINK_MISMATCH
        assert all(each["email"] != ADDRESS for each in world.stripe.account.live_customers())
        kept = world.tenant.profiles.get(ADA.user_id)
        assert kept is None or kept.customer_id == "(odd)"

    @pytest.mark.parametrize(
        "metadata",
        [
            None,
            {"auth0_user_id": "auth0|eve"},
            {"auth0_user_id": "nobody"},
            {"auth0_user_id": "auth0|ada", "auth0_tenant": "beta"},
            {"auth0_registration_id": "ffff"},
            {"auth0_tenant": "beta"},
        ],
    )
    def test_customer_of_somebody_elses(self, door: Door, metadata: dict[str, str] | None) -> None:
        """So it has where the customer is gone, names somebody else, or is another tenant's."""
        world = World(ADOPTING)
        theirs = world.customer("eve@example.com", metadata=metadata)
        if metadata is None:
            world.stripe.account.delete(theirs)

        assert door(world, document(theirs)) == Reason.LINK_MISMATCH

    @pytest.mark.parametrize("tenant", [{}, {"auth0_tenant": " "}, {"auth0_tenant": "acme"}])
    def test_true_link(self, door: Door, tenant: dict[str, str]) -> None:
        """A customer that names the user, and no other tenant, is the user's."""
        world = World()
        own = world.customer(ADDRESS, metadata={"auth0_user_id": ADA.user_id, **tenant})
        before = world.stripe.account.live_customers()

        told = door(world, document(own))
        assert told not in (Reason.LINK_MISMATCH, Reason.CUSTOMER_UNUSABLE)
        assert before[0] in world.stripe.account.live_customers()

    def test_no_text_at_all(self, door: Door) -> None:
        """An empty one is none: Auth0 keeps it where somebody emptied the field."""
        assert door(World(), document("")) != Reason.LINK_MISMATCH


def full(keys: int, **more: str) -> dict[str, str]:
    """Return the metadata of a customer that the shop has written much into."""
    return {f"key{number}": "full" for number in range(keys)} | more


@pytest.mark.parametrize("door", DOORS)
class TestCustomerOfNoUse:
    """What Stripe or the Action would refuse."""

    @pytest.mark.parametrize("keys", [49, 50])
    @pytest.mark.parametrize("ours", [{}, {"auth0_tenant": " "}])
    def test_no_room_for_a_name(self, door: Door, keys: int, ours: dict[str, str]) -> None:
        """Found before anybody claims it."""
        world = World(ADOPTING)
        shops = world.customer(ADDRESS, metadata=full(keys - len(ours), **ours))
        before = state(world)
        expected = unusable(door, shops) if keys - len(ours) > 48 else Reason.CUSTOMER_FOUND

        assert told(door(world, document())) == expected
        assert (state(world) == before) is (expected != Reason.CUSTOMER_FOUND)

    @pytest.mark.parametrize("keys", [49, 50])
    def test_no_room_where_the_profile_names_it(self, door: Door, keys: int) -> None:
        """Likewise."""
        world = World(ADOPTING)
        shops = world.customer(ADDRESS, metadata=full(keys))
        before = state(world)

        assert door(world, document(shops)) == unusable(door, shops)
        assert state(world) == before

    @pytest.mark.parametrize("customer_id", ODD_FORMS, ids=lambda each: repr(each)[:20])
    @pytest.mark.parametrize("whose", [{}, {"auth0_user_id": ADA.user_id}])
    def test_id_of_another_form(self, door: Door, customer_id: str, whose: dict[str, str]) -> None:
        """Nobody's, or the user's own already: no profile could take it, and none is made."""
        world = World(ADOPTING)
        shops = world.customer(ADDRESS, metadata=whose, customer_id=customer_id)
        before = state(world)

        assert door(world, document()) == unusable(door, shops)
        assert state(world) == before

    @pytest.mark.parametrize("name", ["x" * 501, "auth0|" + "x" * 600, "y" * 1000])
    def test_user_whom_no_customer_can_name(self, door: Door, name: str) -> None:
        """Stripe takes five hundred characters; a report of more than 255 is refused as such."""
        if door is login:
            return
        world = World(ADOPTING)
        before = state(world)

        assert door(world, document() | {"user_id": name}) == unusable(door, None)
        assert state(world) == before
        assert world.table.items == {}


def unusable(door: Door, customer_id: CustomerId | None) -> str:
    """Return what a door says of a customer that cannot be linked."""
    if door in (login, checkout):
        return Reason.CUSTOMER_UNUSABLE
    in_the_way = (customer_id,) if customer_id else ()
    return why_not(Unsettled(Reason.CUSTOMER_UNUSABLE, in_the_way=in_the_way))


def told(said: str) -> str:
    """Return an end by its reason: repair says what it has done."""
    return Reason.CUSTOMER_FOUND if said == Act.PROVISION else said


@pytest.mark.parametrize("door", DOORS)
class TestStripesMetadata:
    """What stands in our own places in Stripe."""

    @pytest.mark.parametrize(
        "metadata",
        [
            {"auth0_user_id": " "},
            {"auth0_user_id": "\t", "auth0_tenant": "  "},
            {"auth0_registration_id": " ", "auth0_tenant": "acme"},
            {"superseded_by": " "},
        ],
    )
    def test_blanks(self, door: Door, metadata: dict[str, str]) -> None:
        """They count as absent: the customer is nobody's."""
        world = World(ADOPTING)
        shops = world.customer(ADDRESS, metadata=metadata)

        assert told(door(world, document())) == Reason.CUSTOMER_FOUND
        assert world.named(ADA) == [shops]

    @pytest.mark.parametrize(
        "metadata",
        [
            {"auth0_user_id": "nobody"},
            {"auth0_user_id": "auth0|eve"},
            {"auth0_user_id": "auth0|ada", "auth0_tenant": "beta"},
            {"auth0_tenant": "beta"},
            {"auth0_registration_id": "ffff"},
            {"superseded_by": "cus_9"},
            {"superseded_by": "cus_9", "auth0_tenant": "acme"},
            {"superseded_by": "a word of somebody's", "auth0_user_id": " "},
        ],
    )
    def test_of_somebody_elses(self, door: Door, metadata: dict[str, str]) -> None:
        """It is in the way, and stays as it is."""
        world = World(ADOPTING)
        theirs = world.customer(ADDRESS, metadata=metadata)
        before = state(world)
        in_use = Unsettled(Reason.EMAIL_IN_USE, in_the_way=(theirs,))
        expected = Reason.EMAIL_IN_USE if door in (login, checkout) else why_not(in_use)

        assert door(world, document()) == expected
        assert state(world) == before


class TestIdsOnAuth0sSideOnly:
    """An import wrote the ids into the profiles, and nothing into Stripe."""

    @pytest.mark.parametrize("door", FOR_PROFILES)
    @pytest.mark.parametrize("by", ["cus_9", "cus_10", "a word of somebody's"])
    def test_superseded(self, door: Door, by: str) -> None:
        """Another one takes its place: a person decides, as where repair adopts."""
        world = World(ADOPTING)
        imported = world.customer(ADDRESS, metadata={"superseded_by": by})
        before = world.stripe.account.retrieve(imported)

        assert door(world, document(imported)) == Reason.LINK_MISMATCH
        assert world.stripe.account.retrieve(imported) == before

    @pytest.mark.parametrize("door", DOORS)
    @pytest.mark.parametrize("metadata", [{}, {"plan": "pro"}, {"auth0_tenant": "acme"}])
    def test_claimed_and_linked(self, door: Door, metadata: dict[str, str]) -> None:
        """With the same address, verified, where the policy adopts."""
        world = World(ADOPTING)
        imported = world.customer(ADDRESS, metadata=metadata)

        assert told(door(world, document(imported))) == Reason.CUSTOMER_FOUND
        assert world.named(ADA) == [imported]
        assert world.record(ADA)["customer_id"] == imported

    @pytest.mark.parametrize("door", DOORS)
    def test_letter_case(self, door: Door) -> None:
        """Of the customer's address, or of the user's: it is the same one."""
        world = World(ADOPTING)
        imported = world.customer("Ada@Example.com")

        assert told(door(world, document(imported))) == Reason.CUSTOMER_FOUND

    @pytest.mark.parametrize("door", DOORS)
    @pytest.mark.parametrize(
        ("policy", "change"),
        [
            (Policy(), {}),
            (ADOPTING, {"email_verified": False}),
            (ADOPTING, {"email": "countess@example.com"}),
            (ADOPTING, {"email": None}),
        ],
    )
    def test_for_a_person_to_decide(self, door: Door, policy: Policy, change: Document) -> None:
        """By default; and where nothing proves that the two are one person's."""
        world = World(policy)
        imported = world.customer(ADDRESS)
        before = state(world)

        assert door(world, document(imported) | change) == Reason.LINK_MISMATCH
        assert state(world) == before

    @pytest.mark.parametrize("door", DOORS)
    def test_two_profiles_with_one_id(self, door: Door) -> None:
        """The first one has it; the second one is for a person to decide."""
        world = World(ADOPTING)
        imported = world.customer(ADDRESS)

        assert told(door(world, document(imported))) == Reason.CUSTOMER_FOUND
        assert door(world, document(imported, BOB)) == Reason.LINK_MISMATCH
        assert (world.named(ADA), world.named(BOB)) == ([imported], [])

    @pytest.mark.parametrize("door", DOORS)
    def test_own_customer_beside_it(self, door: Door) -> None:
        """The user would have two: which of them is right is for a person to decide."""
        world = World(ADOPTING)
        own = world.customer(ADDRESS, ADA)
        imported = world.customer(ADDRESS)

        assert door(world, document(imported)) == Reason.LINK_MISMATCH
        assert world.named(ADA) == [own]

    @pytest.mark.parametrize("door", DOORS)
    def test_recorded_customer_beside_it(self, door: Door) -> None:
        """Likewise, wherever the ledger's is found."""
        world = World(ADOPTING)
        assert login(world, document()) is Reason.CUSTOMER_CREATED
        [own] = world.named(ADA)
        world.stripe.account.update(own, {"email": "countess@example.com"})
        imported = world.customer(ADDRESS)

        assert door(world, document(imported)) == Reason.LINK_MISMATCH
        assert world.named(ADA) == [own]

    def test_two_at_once(self) -> None:
        """The claim in the ledger, and not the look at Stripe, says who has it."""
        world = World(ADOPTING)
        imported = world.customer(ADDRESS)
        first, second = (
            world.settling(unfinished(who, Profile.of(document(imported, who), Trust())))
            for who in (ADA, BOB)
        )
        adopt, ends = world.stripe.adopt, []

        def meanwhile(customer_id: CustomerId, who: User) -> object:
            world.stripe.adopt = adopt  # type: ignore[method-assign]
            ends.append(second.settle())
            return adopt(customer_id, who)

        world.stripe.adopt = meanwhile  # type: ignore[method-assign,assignment]
        ends.append(first.settle())

        mismatch = Unsettled(Reason.LINK_MISMATCH, in_the_way=(imported,))
        assert ends == [mismatch, Settled(imported, Reason.CUSTOMER_FOUND)]
        assert world.named(ADA) == [imported]


class TestDirectory:
    """A directory's account, which claims an address that its administrator has typed."""

    @pytest.mark.parametrize("door", DOORS)
    @pytest.mark.parametrize("provider", ["samlp", "waad", "oidc", "adfs", "oauth2"])
    def test_guests_customer(self, door: Door, provider: str) -> None:
        """It gets neither the guest's customer, nor one that its profile names."""
        world, mallory = World(ADOPTING), User(TENANT, UserId(f"{provider}|acme|mallory"))
        guests = world.customer(ADDRESS)
        before = world.stripe.account.retrieve(guests)

        assert told(door(world, document(who=mallory))) != Reason.CUSTOMER_FOUND
        assert told(door(world, document(guests, mallory))) != Reason.CUSTOMER_FOUND
        assert world.stripe.account.retrieve(guests) == before
        assert world.named(mallory) == []

    @pytest.mark.parametrize("door", DOORS)
    def test_part_of_a_database_user(self, door: Door) -> None:
        """The address is the first identity's, which has verified it, however they log in."""
        world = World(ADOPTING)
        imported = world.customer(ADDRESS)
        parts = [
            {"provider": "auth0", "user_id": "ada", "connection": "db"},
            {"provider": "samlp", "user_id": "acme|ada", "connection": "acme"},
        ]

        assert told(door(world, document(imported) | {"identities": parts})) == "customer_found"
        assert world.named(ADA) == [imported]

    @pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
    def test_linking(self, *, first: bool, second: bool) -> None:
        """Whichever of the two accounts it is, no guest's customer follows."""
        world, theirs = World(ADOPTING), User(TENANT, UserId("samlp|acme|mallory"))
        guests = world.customer(ADDRESS)
        one, two = theirs if first else ADA, theirs if second else BOB
        carried = [guests if is_theirs else None for is_theirs in (first, second)]

        linked = linking(world, document(carried[0], one), document(carried[1], two))
        assert linked.refusal() is LinkFailure.MISMATCH
        assert world.named(theirs) == []


class TestLinking:
    """Two accounts made one."""

    @pytest.mark.parametrize("metadata", [{}, {"plan": "pro"}, {"auth0_tenant": "acme"}])
    @pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
    def test_what_a_login_would_adopt(
        self, metadata: dict[str, str], *, first: bool, second: bool
    ) -> None:
        """Whichever profile has its id: it becomes the primary's, before its id is lost."""
        world = World(ADOPTING)
        imported = world.customer(ADDRESS, metadata=metadata)
        ids = [imported if carries else None for carries in (first, second)]

        two = linking(world, document(ids[0]), document(ids[1], BOB))
        assert two.refusal() is None
        assert two.follow() == Followed(imported)
        assert (world.named(ADA), world.named(BOB)) == ([imported], [])

    def test_each_has_one_to_adopt(self) -> None:
        """The second account's is superseded, as if both had logged in before."""
        world = World(ADOPTING)
        own, theirs = world.customer(ADDRESS), world.customer("bob@example.com")
        second = document(theirs, BOB) | {"email": "bob@example.com"}

        two = linking(world, document(own), second)
        assert two.refusal() is None
        assert two.follow() == Followed(own, (theirs,))

    @pytest.mark.parametrize("carries", [ADA, BOB])
    @pytest.mark.parametrize(
        ("policy", "change"),
        [
            (Policy(), {}),
            (ADOPTING, {"email_verified": False}),
            (ADOPTING, {"email": "countess@example.com"}),
            (ADOPTING, {"email": None}),
        ],
    )
    def test_what_no_login_would_adopt(
        self, carries: User, policy: Policy, change: Document
    ) -> None:
        """A log-in would be denied, so nothing is linked, and nothing has changed."""
        world = World(policy)
        imported = world.customer(ADDRESS)
        before = state(world)
        ids = [imported if who == carries else None for who in (ADA, BOB)]

        two = linking(world, document(ids[0]) | change, document(ids[1], BOB) | change)
        assert two.refusal() is LinkFailure.MISMATCH
        assert state(world) == before

    def test_no_room_to_say_what_supersedes_it(self) -> None:
        """Both have one: the second account's cannot take one more key."""
        world = World()
        own = world.customer("first@example.com", ADA)
        theirs = world.customer(ADDRESS, BOB, full(48))

        two = linking(world, document(own), document(theirs, BOB))
        assert two.refusal() is two.follow() is LinkFailure.UNUSABLE
        assert world.named(BOB) == [theirs]

    def test_no_room_for_one_of_two(self) -> None:
        """Nothing moves while another one of the second account's could not say so."""
        world = World()
        theirs = world.customer(ADDRESS, BOB), world.customer(ADDRESS, BOB, full(48))

        two = linking(world, document(), document(who=BOB))
        assert two.refusal() is two.follow() is LinkFailure.UNUSABLE
        assert world.named(BOB) == [*theirs]

    @pytest.mark.parametrize("customer_id", ODD_FORMS, ids=lambda each: repr(each)[:20])
    def test_id_of_another_form(self, customer_id: str) -> None:
        """The second account's customer cannot become the first one's."""
        world = World()
        theirs = world.customer(ADDRESS, BOB, customer_id=customer_id)
        before = state(world)

        two = linking(world, document(), document(who=BOB))
        assert two.refusal() is two.follow() is LinkFailure.UNUSABLE
        assert state(world) == before
        world.tenant.profiles[ADA.user_id] = Profile.of(
            document() | {"identities": [{}, {"provider": "auth0", "user_id": "bob"}]},
            Trust(),
        )
        result = world.repair(Act.FOLLOW, ADA, theirs)
        assert (result.outcome, result.why) == (Outcome.SKIPPED, Reason.CUSTOMER_UNUSABLE)

    def test_unfinished_registration(self) -> None:
        """An id of the first account's own registration is its own, and no mismatch."""
        world = World()
        made = world.register("db", "first@example.com")
        metadata = dict(made.app_metadata)
        first = document() | {"app_metadata": metadata}

        assert linking(world, first, document(who=BOB)).refusal() is None


class TestRegistration:
    """Before there is a user."""

    @pytest.mark.parametrize("keys", [48, 49, 50])
    def test_no_room_for_a_name(self, keys: int) -> None:
        """The customer that the policy would adopt cannot name the registration."""
        world = World(ADOPTING)
        shops = world.customer(ADDRESS, metadata=full(keys))
        before = state(world)
        signup = SignUp(registrant("db", ADDRESS), 1, email=ADDRESS, email_verified=True)
        told = Provisioning(world.settling(signup, is_admission=True)).at_registration()

        is_usable = keys <= 48
        assert told.customer_id == (shops if is_usable else None)
        assert (told.reason is Reason.CUSTOMER_UNUSABLE) is not is_usable
        assert (state(world) == before) is not is_usable


class TestRecorded:
    """A link that an earlier release has recorded."""

    @pytest.mark.parametrize("customer_id", ["x" * 256, "cus/1", "ada@example.com"])
    @pytest.mark.parametrize("door", DOORS)
    def test_id_of_another_form(self, door: Door, customer_id: str) -> None:
        """It is not replayed, and no second customer is made beside it."""
        world = World()
        theirs = world.customer("countess@example.com", ADA, customer_id=customer_id)
        _, ledger, _ = world.ports()
        lease: Any = ledger.open(ADA, None, admission=True)
        assert ledger.link(lease, theirs)

        assert door(world, document()) == unusable(door, theirs)
        assert world.named(ADA) == [theirs]


@pytest.mark.parametrize("each", TABLE, ids=lambda each: repr(each["id"])[:20])
def test_form_of_an_id(each: dict[str, Any]) -> None:
    """As the Action judges it: tests/actions has the same table."""
    assert is_customer_id(each["id"]) is each["is_usable"]

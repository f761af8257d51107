"""Whose a customer is, whose it may become, and the parameters that a new one is made of."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.translation import ROOT

from customerlink.model.customer import (
    DESCRIPTION,
    Customer,
    NewCustomer,
    can_be_named,
    may_adopt,
    named_by,
    naming,
)
from customerlink.model.customer_fields import CustomerFields
from customerlink.model.policy import ExistingCustomer
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId, registrant_id

FIXTURES = ROOT / "tests/fixtures"
ACME, BETA = Tenant("acme"), Tenant("beta")
ADA, BOB = User(ACME, UserId("auth0|ada")), User(ACME, UserId("auth0|bob"))
REGISTRANT = User(ACME, registrant_id("a1b2"))


def customer(names: str | None = None, tenant: str | None = None) -> Customer:
    """Return a customer whose metadata names somebody, of a tenant or of none."""
    return Customer(CustomerId("cus_1"), names, tenant, email="ada@example.com")


def of_theirs(number: int) -> frozenset[str]:
    """Return as many keys of the shop's."""
    return frozenset(f"key{each}" for each in range(number))


CUSTOMER_IDS: list[dict[str, object]] = json.loads((FIXTURES / "customer-ids.json").read_text())

ADAS, BOBS, NOBODYS = customer("auth0|ada", "acme"), customer("auth0|bob", "acme"), customer()


class TestOwnership:
    """Whom a customer names."""

    @pytest.mark.parametrize(
        ("names", "tenant", "is_adas"),
        [
            ("auth0|ada", "acme", True),
            ("auth0|ada", None, True),
            ("auth0|ada", "beta", False),
            ("auth0|ada", "", False),
            ("auth0|bob", "acme", False),
            ("AUTH0|ADA", "acme", False),
            (None, "acme", False),
            (None, None, False),
        ],
    )
    def test_belongs_to(self, names: str | None, tenant: str | None, *, is_adas: bool) -> None:
        """It is the user's whom it names; one made by hand may leave out the tenant."""
        assert customer(names, tenant).belongs_to(ADA) is is_adas

    @pytest.mark.parametrize(
        ("of", "instead_of", "may"),
        [
            (NOBODYS, None, True),
            (ADAS, None, True),
            (BOBS, None, False),
            (BOBS, BOB, True),
            (customer("auth0|eve", "acme"), BOB, False),
            (customer("auth0|bob", "beta"), BOB, False),
        ],
    )
    def test_may_come_to_name(self, of: Customer, instead_of: User | None, *, may: bool) -> None:
        """Nobody's, the user's already, or that of the one who is replaced; no other."""
        assert of.may_come_to_name(ADA, instead_of) is may

    @pytest.mark.parametrize(
        ("of", "is_one"),
        [
            (ADAS, True),
            (customer("auth0|ada", "beta"), False),
            (customer("auth0|ada"), False),
            (customer(REGISTRANT.user_id, "acme"), False),
            (NOBODYS, False),
        ],
    )
    def test_is_of_a_user(self, of: Customer, *, is_one: bool) -> None:
        """An account stands behind it: of this very tenant, and no registration."""
        assert of.is_of_a_user(ACME) is is_one

    def test_address_is_not_shown(self) -> None:
        """A customer may get into a trace, its address may not."""
        assert "ada@" not in repr(ADAS)


class TestNaming:
    """The metadata by which a customer names its user."""

    def test_user(self) -> None:
        """Under the keys that other programs of the shop read."""
        assert naming(ADA) == {"auth0_user_id": "auth0|ada", "auth0_tenant": "acme"}

    def test_registrant(self) -> None:
        """Who has no `user_id` yet is named by the registration, under a key of its own."""
        assert naming(REGISTRANT) == {"auth0_registration_id": "a1b2", "auth0_tenant": "acme"}

    @given(st.text(min_size=1).filter(str.strip))
    def test_whoever_is_named_is_found(self, name: str) -> None:
        """What was written of a user, or of a registrant, is read as the same one."""
        for user_id in (UserId(name), registrant_id(name)):
            assert named_by(naming(User(ACME, user_id))) == user_id

    def test_user_counts_before_the_registration(self) -> None:
        """The registration's id stays in the metadata once the customer names the user."""
        assert named_by({**naming(REGISTRANT), **naming(ADA)}) == ADA.user_id

    @pytest.mark.parametrize(
        "metadata",
        [
            {},
            {"auth0_tenant": "acme"},
            {"auth0_registration_id": ""},
            {"auth0_user_id": "", "auth0_registration_id": " "},
            {"auth0_user_id": " \t"},
        ],
    )
    def test_nobody(self, metadata: dict[str, str]) -> None:
        """Without either id, or with nothing but blanks in its place, it names nobody."""
        assert named_by(metadata) is None


class TestRoom:
    """Whether Stripe takes what a link writes into a customer's metadata."""

    NAMED = frozenset(naming(ADA))

    @pytest.mark.parametrize(
        ("keys", "can"),
        [
            (of_theirs(0), True),
            (of_theirs(48), True),
            (of_theirs(49), False),
            (of_theirs(50), False),
            (of_theirs(48) | {"auth0_user_id"}, True),
            (of_theirs(49) | {"auth0_user_id"}, False),
            (of_theirs(48) | NAMED, True),
            (of_theirs(48) | {"auth0_registration_id"}, False),
            (of_theirs(48) | {"superseded_by"}, True),
        ],
    )
    def test_can_name(self, keys: frozenset[str], *, can: bool) -> None:
        """Fifty keys are the most; ours that are there already need none."""
        assert replace(NOBODYS, metadata_keys=keys).can_name(ADA) is can

    @pytest.mark.parametrize(
        ("keys", "can"),
        [
            (of_theirs(47) | NAMED, True),
            (of_theirs(48) | NAMED, False),
            (of_theirs(47) | NAMED | {"superseded_by"}, True),
        ],
    )
    def test_can_be_superseded(self, keys: frozenset[str], *, can: bool) -> None:
        """That is one key more."""
        assert replace(ADAS, metadata_keys=keys).can_be_superseded() is can

    @pytest.mark.parametrize(
        ("tenant", "name", "can"),
        [
            ("acme", "x" * 500, True),
            ("acme", "x" * 501, False),
            ("acme", "x" * 5000, False),
            ("t" * 501, "auth0|ada", False),
        ],
    )
    def test_length(self, tenant: str, name: str, *, can: bool) -> None:
        """Five hundred characters are the longest value."""
        user = User(Tenant(tenant), UserId(name))

        assert can_be_named(user) is can
        assert NOBODYS.can_name(user) is can

    @pytest.mark.parametrize("each", CUSTOMER_IDS, ids=lambda each: repr(each["id"])[:20])
    def test_form_of_the_id(self, each: dict[str, object]) -> None:
        """Whatever the Action refuses to write."""
        one = replace(NOBODYS, id=CustomerId(str(each["id"])))

        assert one.can_name(ADA) is each["is_usable"]
        assert one.can_be_superseded() is each["is_usable"]


@pytest.mark.parametrize(
    ("policy", "verified", "others", "may"),
    [
        (ExistingCustomer.ADOPT, True, [customer(tenant="acme")], True),
        (ExistingCustomer.ADOPT, True, [customer(tenant="beta")], False),
        (ExistingCustomer.ADOPT, True, [NOBODYS], True),
        (ExistingCustomer.DENY, True, [NOBODYS], False),
        (ExistingCustomer.ADOPT, False, [NOBODYS], False),
        (ExistingCustomer.ADOPT, True, [], False),
        (ExistingCustomer.ADOPT, True, [NOBODYS, NOBODYS], False),
        (ExistingCustomer.ADOPT, True, [BOBS], False),
        (ExistingCustomer.ADOPT, True, [NOBODYS, BOBS], False),
    ],
)
def test_who_may_adopt(
    policy: ExistingCustomer, others: list[Customer], *, verified: bool, may: bool
) -> None:
    """By policy: one customer, nobody's so far, and a user who has proved to own its address."""
    signup = SignUp(ADA, 1, email="ada@example.com", email_verified=verified)

    assert may_adopt(policy, signup, others) is may


class TestNewCustomer:
    """The parameters of a create."""

    def test_parameters(self) -> None:
        """Name, address in lower case, where it comes from and whose it is; no more."""
        new = NewCustomer.of(SignUp(ADA, 1, name="Ada Lovelace"), "Ada@Example.com")

        assert new.params == {
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "description": DESCRIPTION,
            "metadata": {"auth0_user_id": "auth0|ada", "auth0_tenant": "acme"},
        }
        assert new.email == "ada@example.com"

    def test_registrant(self) -> None:
        """Who has no `user_id` yet is named by the registration."""
        new = NewCustomer.of(SignUp(REGISTRANT, 1), "ada@example.com")

        assert new.params["metadata"] == naming(REGISTRANT)

    def test_no_field_says_whose_it_is(self) -> None:
        """Not even a declaration that nobody has checked lets a profile say it."""
        fields = CustomerFields((("metadata.auth0_user_id", "nickname"),))
        new = NewCustomer.of(
            SignUp(ADA, 1, profile={"nickname": BOB.user_id}), "a@b.example", fields
        )

        assert new.params["metadata"] == naming(ADA)

    @given(st.text(), st.emails(), st.text())
    def test_kept_as_text(self, name: str, email: str, company: str) -> None:
        """What the record gives back is what was frozen, to the letter."""
        fields = CustomerFields((("name", "name"), ("metadata.company", "company")))
        signup = SignUp(ADA, 1, name=name, profile={"company": company})
        new = NewCustomer.of(signup, email, fields)

        assert NewCustomer.read(new.text()) == new
        assert NewCustomer.read(new.text()).text() == new.text()

    def test_is_not_shown(self) -> None:
        """It may get into a trace, what is personal of it may not."""
        assert repr(NewCustomer.of(SignUp(ADA, 1), "ada@example.com")) == "NewCustomer()"

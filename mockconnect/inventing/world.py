"""The company that the connectors belong to: its systems, their hosts, databases and tables.

Rules of this room: words become names here. Faker gives them; where it may be missing, our own few words do. The domain
ends in ``.example``, so nobody owns it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from faker import Faker

T = TypeVar("T")
TABLES_MAX: Final = 6
CONNECTORS_PER_SYSTEM: Final = 6
# fmt: off
PURPOSES: Final = (
    "accounts", "analytics", "auth", "billing", "catalog", "checkout", "claims", "crm", "delivery", "fleet", "fraud",
    "hr", "identity", "inventory", "ledger", "logistics", "loyalty", "orders", "payments", "pricing", "quotes", "risk",
    "search", "shipping", "shop", "stock", "support", "tickets", "tracking", "warehouse",
)
"""What systems of companies are for."""
ENTITIES: Final = (
    "address", "basket", "contract", "customer", "device", "event", "invoice", "item", "order", "parcel", "payment",
    "price", "product", "refund", "session", "shipment", "supplier", "transaction", "user", "visit",
)
"""What their tables are about."""
# fmt: on


class MissingFakerError(Exception):
    """Faker is not installed."""


class Chance:
    """Draws that are the same in every Python: all of them come from ``random()``."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._random = random.Random(f"{seed}:{purpose}")

    def below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Both ends count."""
        return low + self.below(high - low + 1)

    def happens(self, share: float) -> bool:
        return self._random.random() < share

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def some_of(self, choices: Sequence[T], count: int) -> list[T]:
        """Different ones, in their order."""
        left = list(range(len(choices)))
        taken = sorted(left.pop(self.below(len(left))) for _ in range(min(count, len(choices))))
        return [choices[number] for number in taken]

    def weighted(self, weights: Sequence[float]) -> int:
        """The number of one of them."""
        point = self._random.random() * sum(weights)
        for number, weight in enumerate(weights):
            point -= weight
            if point < 0:
                return number
        return len(weights) - 1


@dataclass(frozen=True, slots=True)
class System:
    """One system of the company."""

    name: str
    env: str
    domain: str
    host_number: int
    database: str
    user: str
    tables: tuple[str, ...]

    def host(self, product: str) -> str:
        return f"{self.name}-{product}-{self.host_number:02d}.{self.env}.{self.domain}"

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(f"{self.name}.{table}" for table in self.tables)


class Words(Protocol):
    """Where words come from."""

    def company(self) -> str: ...
    def word(self) -> str: ...
    def user(self) -> str: ...


class FakerWords:
    """Raises :class:`MissingFakerError`."""

    def __init__(self, seed: int) -> None:
        self._faker = _faker(seed)

    def company(self) -> str:
        return self._faker.domain_word()

    def word(self) -> str:
        return self._faker.word()

    def user(self) -> str:
        return self._faker.user_name()


class PlainWords:
    """A handful of our own, which are always there."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, "words")

    def company(self) -> str:
        return "acme"

    def word(self) -> str:
        return self._chance.one_of(ENTITIES)

    def user(self) -> str:
        return f"svc-{self._chance.one_of(PURPOSES)}"


class World:
    """Everything that connectors may be about."""

    def __init__(self, seed: int, connectors: int, words: Words) -> None:
        self._chance = Chance(seed, "world")
        self._words = words
        self.company = self._word(words.company())
        self.domain = f"{self.company}.example"
        count = max(1, (connectors + CONNECTORS_PER_SYSTEM - 1) // CONNECTORS_PER_SYSTEM)
        self.systems = tuple(self._system(number) for number in range(count))

    def _system(self, number: int) -> System:
        purpose = PURPOSES[number % len(PURPOSES)]
        name = purpose if number < len(PURPOSES) else f"{purpose}-{self._word(self._words.word())}"
        entities = self._chance.some_of(ENTITIES, self._chance.between(2, TABLES_MAX))
        return System(
            name=name,
            env=self._chance.one_of(("prod", "prod", "prod", "staging")),
            domain=self.domain,
            host_number=self._chance.between(1, 12),
            database=f"{name}_{self._word(self._words.word())}".replace("-", "_"),
            user=self._word(self._words.user()),
            tables=tuple(entity + ("es" if entity.endswith("s") else "s") for entity in entities),
        )

    @staticmethod
    def _word(text: str) -> str:
        return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in text.lower()).strip("-")


def _faker(seed: int) -> Faker:
    try:
        from faker import Faker  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        raise MissingFakerError from None
    faker = Faker("en_US", use_weighting=False)
    faker.seed_instance(seed)
    return faker

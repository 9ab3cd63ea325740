"""What each Kafka version has: one table, asked by name.

Rules of this room: a difference between versions is a row of ``SINCE`` (or ``REMOVED``), and the code asks
``version.has("restart_flags")``; a value that changes from release to release is a table for :func:`in_force`. Nobody
compares version numbers elsewhere. What was proven by recordings of real workers is told in ``docs/versions.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeVar

T = TypeVar("T")

Number = tuple[int, int, int]

NEWEST: Final = "4.3.1"
OLDEST: Final = (0, 10, 0)
EVER: Final[Number] = (10**6, 0, 0)
"""Later than every release."""

SINCE: Final[Mapping[str, Number]] = {
    "converter_keys": (0, 10, 1),  # KIP-75
    "class_from_body": (0, 10, 2),  # KAFKA-3829: create validates, validate looks at connector.class
    "problems_listed": (0, 11, 0),
    "relaxed_class_match": (0, 11, 0),  # KAFKA-4837
    "plugin_types": (0, 11, 0),  # KIP-146
    "connector_type": (1, 0, 0),  # KIP-151
    "cluster_id": (1, 1, 0),  # KIP-238
    "names_checked": (1, 1, 0),  # KIP-212, KAFKA-5563
    "json_errors": (1, 1, 0),  # before, only Connect's own exceptions had the JSON body
    "encoded_location": (1, 1, 0),  # KAFKA-4827
    "create_tells_type": (2, 2, 0),  # KAFKA-7253
    "incremental_cooperative": (2, 3, 0),  # KIP-415
    "expand": (2, 3, 0),  # KIP-465
    "local_list": (2, 3, 0),  # the list of connectors needs no herder thread
    "override_policies": (2, 3, 0),  # KIP-458
    "jetty_before_herder": (2, 3, 0),
    "loggers": (2, 4, 0),  # KIP-495
    "sessioned": (2, 4, 0),  # KIP-507
    "active_topics": (2, 5, 0),  # KIP-558
    "full_validate_path": (2, 5, 0),
    "checked_generations": (2, 5, 1),  # KAFKA-9849, KAFKA-9851: a round that nobody received is noticed
    "dlq_rules": (2, 6, 0),
    "predicates": (2, 6, 0),  # KIP-585
    "topic_creation": (2, 6, 0),  # KIP-158
    "unknown_leader_409": (2, 6, 0),  # KAFKA-9883
    "wrapped_validate_errors": (2, 6, 0),  # KAFKA-9374
    "removed_tasks_forgotten": (2, 6, 0),  # KAFKA-9472
    "revocations_to_ceiling": (2, 6, 3),  # KAFKA-12283
    "tasks_config": (2, 8, 0),  # KIP-661
    "relayed_errors_are_500": (2, 8, 1),
    "cors_default_methods": (3, 0, 0),
    "restart_flags": (3, 0, 0),  # KIP-745
    "overrides_allowed": (3, 0, 0),  # KIP-722: the default policy is All
    "validate_timeout": (3, 0, 0),  # KAFKA-12904: before, 90 000 s
    "plugin_config": (3, 2, 0),  # KIP-769
    "null_value_errors": (3, 2, 0),  # KAFKA-13306
    "all_connectors_in_alias_error": (3, 2, 0),
    "fence": (3, 3, 0),  # KIP-618
    "eos_preflight": (3, 3, 0),  # KIP-618
    "overrides_by_use": (3, 3, 0),  # KIP-618
    "own_offsets_topics": (3, 3, 0),  # KIP-618
    "revoked_without_owner": (3, 3, 0),  # forwarding during the round after a revocation
    "session_key_503": (3, 3, 0),
    "unknown_task_unstartable": (3, 3, 0),  # standalone; before, its start failed like that of any other
    "unknown_connector_unstartable": (3, 4, 0),  # standalone; likewise
    "unknown_type": (3, 4, 0),  # KAFKA-13989
    "exactly_once_semantics_text": (3, 4, 0),
    "balanced_revocations": (3, 4, 0),  # KAFKA-12495
    "default_group_named": (
        3,
        4,
        0,
    ),  # KAFKA-13546: topic.creation.groups may name the group that is always there
    "stop": (3, 5, 0),  # KIP-875
    "get_offsets": (3, 5, 0),  # KIP-875
    "rebalance_expected_500": (3, 5, 0),  # KAFKA-15086
    "reconfigure_backoff": (3, 5, 0),
    "predicate_without_default": (3, 5, 0),
    "framework_keys_in_plugin_config": (3, 5, 0),  # KAFKA-14843
    "sized_prefix_maps": (3, 5, 0),  # originalsWithPrefix copies into a map that is made for as many keys
    "internal_resource": (3, 5, 0),  # before, the internal endpoints were part of ConnectorsResource
    "no_delay_no_wait": (3, 5, 2),  # KAFKA-15693
    "alter_offsets": (3, 6, 0),  # KIP-875
    "stale_unassigned_filter": (3, 6, 0),
    "invalid_plugin_class_text": (3, 6, 0),
    "nothing_hidden": (3, 6, 0),  # KAFKA-14759
    "all_plugins_versioned": (3, 6, 0),
    "initial_state": (3, 7, 0),  # KAFKA-15470
    "initial_state_in_camel_case": (3, 7, 0),  # KAFKA-16881
    "stages": (3, 7, 0),  # KAFKA-15563
    "cluster_loggers": (3, 7, 0),  # KAFKA-15428
    "sink_rules_as_errors": (3, 7, 0),  # KAFKA-13327
    "group_id_override_check": (3, 7, 0),
    "casts_originals": (3, 7, 0),
    "class_checks": (3, 7, 0),  # KAFKA-13328
    "applied_config_restarts_tasks": (3, 7, 1),  # KAFKA-9228
    "typed_forwarding": (3, 8, 0),  # RestClient knows what every forwarded call answers
    "patch_config": (3, 8, 0),  # KAFKA-16445
    "tasks_max_enforced": (3, 8, 0),  # KAFKA-15575
    "converter_preflight": (3, 8, 0),  # KAFKA-13328, KAFKA-13329
    "health": (3, 9, 0),  # KIP-1017
    "stage_full_stop": (3, 9, 0),  # KAFKA-10816
    "stage_initializing": (3, 9, 0),  # KAFKA-10816: before, only "reading to the end of internal topics"
    "jetty_12": (4, 0, 0),
    "groups_outlive_offsets": (4, 0, 0),  # KIP-848, of the broker
    "nested_key_first": (4, 0, 0),  # Class.getClasses() of the transformations
    "jackson_2_18": (4, 0, 1),
    "log4j_2": (4, 0, 0),
    "plugin_versions": (4, 1, 0),  # KIP-891
    "status_version": (4, 1, 0),
    "unknown_class_400": (4, 1, 0),
    "invalid_topics_told": (4, 1, 0),  # KIP-1050: they are invalid configurations
    "empty_level_500": (4, 1, 0),
    "connector_validates_last": (4, 1, 0),  # after converters and client overrides
    "order_in_group_on_wire": (4, 2, 0),
    "strict_lists": (4, 2, 0),  # ConfigDef.ValidList refuses duplicates and empty items
    # Jackson: see rest/jackson.py
    "jackson_2_12": (3, 0, 0),
    "jackson_2_13": (3, 3, 0),
    "jackson_2_16": (3, 7, 0),
    "jackson_2_19": (4, 1, 0),
    "jackson_2_21": (4, 3, 0),
    "record_entities": (4, 2, 0),
    "strict_heads": (4, 3, 0),  # Jetty 12.0.34 counts every byte of a request's head
}

REMOVED: Final[Mapping[str, Number]] = {
    "tasks_config": (4, 0, 0),
    "relayed_errors_are_500": (3, 4, 0),  # KAFKA-13702
    "initial_state_in_camel_case": (3, 7, 1),
}

LACKING: Final[Mapping[str, frozenset[Number]]] = {
    "relayed_errors_are_500": frozenset({(3, 0, 0)}),
    "revocations_to_ceiling": frozenset({(2, 7, 0)}),
    "no_delay_no_wait": frozenset({(3, 6, 0)}),
}
"""Releases of a newer line that came before a change of an older line's last releases."""

COMMITS: Final[Mapping[str, str]] = {
    "0.10.0.0": "b8642491e78c5a13",
    "0.10.0.1": "a7a17cdec9eaa6c5",
    "0.10.1.0": "3402a74efb23d1d4",
    "0.10.1.1": "f10ef2720b03b247",
    "0.10.2.0": "576d93a8dc0cf421",
    "0.10.2.1": "e89bffd6b2eff799",
    "0.10.2.2": "cd80bc412b9b9701",
    "0.11.0.0": "e18335dd953107a6",
    "0.11.0.1": "c2a0d5f9b1f45bf5",
    "0.11.0.2": "73be1e1168f91ee2",
    "1.0.0": "aaa7af6d4a11b29d",
    "1.0.1": "c0518aa65f25317e",
    "1.0.2": "2a121f7b1d402825",
    "1.1.0": "fdcf75ea326b8e07",
    "1.1.1": "4dae083af486eaed",
    "2.0.0": "3402a8361b734732",
    "2.0.1": "fa14705e51bd2ce5",
    "2.1.0": "809be928f1ae004e",
    "2.1.1": "21234bee31165527",
    "2.2.0": "05fcfde8f69b0349",
    "2.2.1": "55783d3133a5a49a",
    "2.2.2": "1d348535a0a747d1",
    "2.3.0": "fc1aaa116b661c8a",
    "2.3.1": "18a913733fb71c01",
    "2.4.0": "77a89fcf8d7fa018",
    "2.4.1": "c57222ae8cd7866b",
    "2.5.0": "66563e712b0b9f84",
    "2.5.1": "0efa8fb0f4c73d92",
    "2.6.0": "62abe01bee039651",
    "2.6.1": "6b2021cd52659cef",
    "2.6.2": "da65af02e5856e34",
    "2.6.3": "c24cbd3f5eeffa1e",
    "2.7.0": "448719dc99a19793",
    "2.7.1": "61dbce85d0d41457",
    "2.7.2": "37a1cc36bf4d76f3",
    "2.8.0": "ebb1d6e21cc92130",
    "2.8.1": "839b886f9b732b15",
    "2.8.2": "3146c6ff4a24cc24",
    "3.0.0": "8cb0a5e9d3441962",
    "3.0.1": "8e30984f43e64d8b",
    "3.0.2": "25b1aea02e37da14",
    "3.1.0": "37edeed0777bacb3",
    "3.1.1": "97671528ba54a138",
    "3.1.2": "f8c67dc3ae0a3265",
    "3.2.0": "38103ffaa962ef50",
    "3.2.1": "b172a0a94f4ebb9f",
    "3.2.2": "38c22ad893fb6cf5",
    "3.2.3": "50029d3ed8ba576f",
    "3.3.0": "9d1f9f77642d7e95",
    "3.3.1": "e23c59d00e687ff5",
    "3.3.2": "b66af662e61082cb",
    "3.4.0": "2e1947d240607d53",
    "3.4.1": "8a516edc2755df89",
    "3.5.0": "c97b88d5db4de28d",
    "3.5.1": "2c6fb6c54472e90a",
    "3.5.2": "8f0b0b0d0466632b",
    "3.6.0": "60e845626d8a465a",
    "3.6.1": "5e3c2b738d253ff5",
    "3.6.2": "c4deed513057c94e",
    "3.7.0": "2ae524ed625438c5",
    "3.7.1": "e2494e6ffb89f828",
    "3.7.2": "79a8f2b5f44f9d5a",
    "3.8.0": "771b9576b00ecf5b",
    "3.8.1": "70d6ff42debf7e17",
    "3.9.1": "f745dfdcee2b9851",
    "3.9.2": "5e9866f43ab8e7e4",
    "4.0.0": "985bc99521dd22bb",
    "4.0.2": "5d0fe56677f97d95",
    "4.1.0": "13f70256db3c994c",
    "4.1.2": "c82fd9b934b4c1e6",
    "4.2.0": "a18251bae0b825c6",
    "4.2.1": "92f61c44867f39dc",
    "4.3.1": "26b251a451ce941d",
}
"""``commit`` of ``GET /`` by release; a release that is not here says ``unknown``."""


@dataclass(frozen=True, order=True, slots=True)
class KafkaVersion:
    """A version of Kafka Connect, ordered; ``text`` is what ``GET /`` shows."""

    number: Number
    text: str = field(compare=False)
    features: Mapping[str, bool] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> KafkaVersion:
        """``"4.3.1"``, ``"3.9"`` (its first release counts) or with a suffix. Raises :class:`ValueError`."""
        return _parse(text)

    def has(self, feature: str) -> bool:
        return self.features[feature]

    @property
    def release(self) -> str:
        """Without a suffix, as the catalogue knows it."""
        return ".".join(map(str, self.number))

    @property
    def commit(self) -> str:
        return COMMITS.get(self.text, "unknown")

    def __str__(self) -> str:
        return self.text


def has(number: Number, feature: str) -> bool:
    """Whether a release has a row of ``SINCE``."""
    return _features(number)[feature]


@lru_cache(maxsize=256)
def _features(number: Number) -> Mapping[str, bool]:
    """What a release has of all rows: every request asks several times."""
    return {
        feature: number not in LACKING.get(feature, ()) and exists(number, since, REMOVED.get(feature))
        for feature, since in SINCE.items()
    }


def exists(number: Sequence[int], since: Sequence[int] | None, until: Sequence[int] | None) -> bool:
    """Whether a release lies between two others: from ``since`` on, up to before ``until``; ``None`` is no border."""
    given = tuple(number)
    return (since is None or given >= tuple(since)) and (until is None or given < tuple(until))


def in_force(rows: Sequence[tuple[Number, T]], number: Number) -> T:
    """The value of the last row that does not come after a release. Rows are sorted, the first is for the oldest."""
    found = rows[0][1]
    for since, value in rows:
        if number >= since:
            found = value
    return found


@lru_cache(maxsize=256)
def _parse(text: str) -> KafkaVersion:
    found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?([-.].+)?", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no Kafka version; expected something like {NEWEST!r} or '3.9'")
    number = _of_kafka((int(found[1]), int(found[2]), int(found[3] or 0)), found[4] or "")
    if number < OLDEST:
        raise ValueError(f"Kafka {text} is older than the oldest simulated version 0.10.0")
    return KafkaVersion(
        number, _shown(number, text.strip(), found[3] is not None, found[4]), _features(number)
    )


CONFLUENT: Final[Mapping[int, tuple[int, int]]] = {4: (1, 0), 5: (2, 0), 6: (2, 6), 7: (3, 0), 8: (4, 0)}
"""Confluent's own numbers: for each major version that of Kafka, and the minor one that its ``.0`` is."""


def _of_kafka(number: Number, suffix: str) -> Number:
    """Whose rules count: ``7.6.1-ccs`` is Kafka 3.6.1."""
    if not suffix.startswith(("-ccs", "-ce")) or number[0] not in CONFLUENT:
        return number
    major, first = CONFLUENT[number[0]]
    return (major, number[1] + first, number[2])


def _shown(number: Number, text: str, has_patch: bool, suffix: str | None) -> str:
    """Releases before 1.0 have four numbers."""
    if has_patch and (suffix or number[0]):
        return text
    short = ".".join(map(str, number))
    return short if number[0] else f"{short}.0"

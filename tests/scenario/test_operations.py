"""What scenarios know of operations is what the routes say."""

from __future__ import annotations

from mockconnect.core.client_faults import NAMED_ANSWERS
from mockconnect.core.journal import WRITES
from mockconnect.rest.routes import ROUTES
from mockconnect.scenario.operations import ANSWERS, OPERATIONS, answers, name_of_answer


def test_operations_are_those_of_the_routes() -> None:
    routes = {one.operation: one for one in ROUTES if not one.signed or one.operation == "put_task_configs"}
    assert set(OPERATIONS) == set(routes)
    for name, row in OPERATIONS.items():
        path = routes[name].path.replace("{name}", "{logger}") if "loggers" in row.path else routes[name].path
        assert (row.method, row.path) == (routes[name].method, path)
        assert (row.method == "GET") == (name not in WRITES) or name == "validate"


def test_answers_that_faults_give_are_recognized() -> None:
    common = set(ANSWERS) & set(NAMED_ANSWERS)
    assert {"409.stale_config", "409.no_leader", "500.rebalance_expected"} <= common
    assert answers("502.html", 502, "")
    assert answers("5xx", 503, "")
    assert not answers("4xx", 503, "")
    assert answers("none", 0, "")
    assert name_of_answer(409, "Connector a already exists") == "409.exists"
    assert name_of_answer(418, "x") == "418"

"""What types cannot say of a scenario: one trigger per rule, one verb per action, references that lead somewhere.

Rules of this room: every part is visited once, with its place; ``CHECKS`` is the table from a type of part to what is
looked at. A mistake is told where it stands and nothing stops; whoever asked looks at the trees' problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockconnect.core.client_faults import NAMED_ANSWERS, OK
from mockconnect.core.group_faults import CONDITIONS
from mockconnect.core.spread import read_spread
from mockconnect.core.targets import ROLES
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.nodes import Entries
from mockconnect.files.problems import nearest, one_of
from mockconnect.files.reading import Place, Tree
from mockconnect.scenario import operations
from mockconnect.scenario.actions import (
    BARE,
    FAULT_VERBS,
    NO_VERBS,
    ActionParts,
    Request,
    first_field,
    takes_several,
)
from mockconnect.scenario.conditions import (
    ABOUT_CONNECTOR,
    AnswerFilter,
    Condition,
    GroupCondition,
    PluginsCondition,
    RequestFilter,
    TaskCounts,
    WorkersCondition,
)
from mockconnect.scenario.invariants import INVARIANTS
from mockconnect.scenario.parts import Part
from mockconnect.scenario.requests import span_test
from mockconnect.scenario.script import (
    COUNTS,
    TRIGGERS,
    After,
    Backoff,
    ClientExpectation,
    Eventually,
    OnRequest,
    Piece,
    Random,
    Repeat,
    Rule,
    Until,
    When,
)

WAITED_FOR: Final = (*CONDITIONS, "settled")
"""What a rolling upgrade can wait for."""


@dataclass(frozen=True, slots=True)
class Known:
    """What names may refer to."""

    rules: Sequence[str]
    pieces: Sequence[str]
    workers: Sequence[str]
    plugin_sets: Sequence[str]

    @property
    def targets(self) -> tuple[str, ...]:
        return (*self.workers, *ROLES)


class Checker:
    """One pass over parts of one file."""

    def __init__(self, tree: Tree[Any], known: Known) -> None:
        self._tree = tree
        self.known = known

    def problem(self, place: Place, text: str) -> None:
        self._tree.problem(place, text)

    def check(self, part: object, place: Place) -> None:
        """The part and everything in it."""
        for at, one in _walk(part, place):
            for kind in type(one).__mro__:
                for look in CHECKS.get(kind, ()):
                    look(self, one, at)

    def refer(self, place: Place, what: str, name: str, known: Sequence[str]) -> None:
        """A name must be one of the known ones."""
        if name not in known:
            self.problem(place, missing(what, name, known))

    def spread(self, place: Place, text: str) -> None:
        try:
            read_spread(text)
        except ValueError as error:
            self.problem(place, str(error))

    def target(self, place: Place, target: object, *more: str) -> None:
        """A worker's name, a role, or one ``more``; ``owner_of`` is found out when it is needed."""
        names = target if isinstance(target, list) else [target]
        for name in names:
            if isinstance(name, str) and not name.startswith("owner_of:"):
                self.refer(place, "worker", name, (*self.known.targets, *more))

    def names_at(self, place: Place) -> tuple[str, ...]:
        """The names in the mapping at this place, whatever stands after them."""
        node = self._tree.node(place)
        return tuple(node.entries) if isinstance(node, Entries) else ()


def missing(what: str, name: str, known: Sequence[str]) -> str:
    if not known:
        return f"there is no {what} {name!r}, and no other"
    close = nearest(name, known)
    return f"there is no {what} {name!r}; " + (
        f"did you mean {close!r}?" if close else f"there are {', '.join(known)}"
    )


def _walk(part: object, place: Place) -> Iterator[tuple[Place, Part]]:
    """Every part with its place."""
    if isinstance(part, Part):
        yield place, part
        for name, shown in _names(part):
            yield from _walk(getattr(part, name), (*place, shown))
    elif isinstance(part, list):
        for number, item in enumerate(part):
            yield from _walk(item, (*place, number))


def _names(part: Part) -> Iterable[tuple[str, str]]:
    """Its fields, and what a file calls them."""
    return zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True)


# --- rules --------------------------------------------------------------------------------------------------------------


def _rule(checker: Checker, rule: Rule, place: Place) -> None:
    given = [name for name in TRIGGERS if getattr(rule, name) is not None]
    for name in given[1:]:
        checker.problem((*place, name), f"a rule has one trigger, and this one has {given[0]!r} already")
    if rule.use is None and rule.do is None:
        checker.problem((*place, "do"), "missing: a rule does something")
    if rule.repeat is not None and (rule.on_request is not None or rule.random is not None):
        trigger = "on_request" if rule.on_request is not None else "random"
        checker.problem((*place, "repeat"), f"{trigger!r} says by itself how often the rule fires")
    if isinstance(rule.after, str):
        checker.refer((*place, "after"), "rule", rule.after, checker.known.rules)
    for number, action in enumerate(rule.actions):
        _bare(checker, action, (*place, "do", number) if isinstance(rule.do, list) else (*place, "do"))


def _bare(checker: Checker, action: object, place: Place) -> None:
    """A verb without arguments."""
    if isinstance(action, str) and action not in BARE:
        checker.problem(place, _bare_problem(action))


def _bare_problem(action: str) -> str:
    if action in FAULT_VERBS:
        return f"{action!r} needs to know more: write '{action}: ...'"
    close = nearest(action, tuple(FAULT_VERBS))
    there_are = f"alone stand {', '.join(sorted(BARE))}"
    return f"there is no verb {action!r}; " + (f"did you mean {close!r}?" if close else there_are)


def _piece(checker: Checker, piece: Piece, place: Place) -> None:
    for number, action in enumerate(piece.do):
        _bare(checker, action, (*place, "do", number))


def _after(checker: Checker, after: After, place: Place) -> None:
    checker.refer((*place, "rule"), "rule", after.rule, checker.known.rules)


def _until(checker: Checker, until: Until, place: Place) -> None:
    if until.rule is not None:
        checker.refer((*place, "rule"), "rule", until.rule, checker.known.rules)
    elif until.ended:
        checker.problem((*place, "ended"), "of which rule? 'rule' is missing")
    elif _says_nothing(until):
        checker.problem(place, "expected another rule or a state")


def _when(checker: Checker, when: When, place: Place) -> None:
    if _says_nothing(when):
        checker.problem(place, "expected a state that comes about")


def _on_request(checker: Checker, trigger: OnRequest, place: Place) -> None:
    given = [name for name in COUNTS if getattr(trigger, name) is not None]
    for name in given[1:]:
        checker.problem((*place, name), f"one count is enough, and {given[0]!r} is there already")


def _random(checker: Checker, trigger: Random, place: Place) -> None:
    checker.spread((*place, "every"), trigger.every)
    if trigger.between[0] > trigger.between[1]:
        checker.problem((*place, "between"), "expected two moments, the earlier one first")


def _repeat(checker: Checker, repeat: Repeat, place: Place) -> None:
    checker.spread((*place, "every"), repeat.every)


# --- actions ------------------------------------------------------------------------------------------------------------


def _action(checker: Checker, action: ActionParts, place: Place) -> None:
    verbs = action.verbs
    others = set(action.__struct_fields__) - {*verbs, *NO_VERBS}
    empty = [name for name in checker.names_at(place) if name in others]
    for verb in empty:
        alone = f"write {verb!r} alone" if verb in BARE else "it needs to know more"
        checker.problem((*place, verb), f"nothing stands after '{verb}:'; {alone}")
    if not verbs and not empty:
        checker.problem(place, "expected an action: a verb with its arguments")
    for verb in verbs[1:]:
        checker.problem((*place, verb), f"an action has one verb, and this one has {verbs[0]!r} already")
    if action.heal is not None and action.heal != "all":
        checker.refer((*place, "heal"), "rule", action.heal, checker.known.rules)
    if action.use is not None:
        checker.refer((*place, "use"), "piece", action.use, checker.known.pieces)
    for verb in verbs:
        if verb in FAULT_VERBS:
            _fault(checker, verb, getattr(action, verb), (*place, verb))


_TARGETS: Final = frozenset({"worker", "workers", "leader", "a", "b", "source", "target", "instead"})


def _fault(checker: Checker, verb: str, given: Any, place: Place) -> None:
    if isinstance(given, list) and not takes_several(verb):
        checker.problem(place, "expected one text, found a list")
        return
    if verb == "lag" and getattr(given, "config", None) is None and getattr(given, "status", None) is None:
        checker.problem(place, "nothing lags: say how far 'config' or 'status' is behind")
    if not isinstance(given, Part):
        first = first_field(verb)
        if first is not None:
            _argument(checker, verb, first.name, given, place)
        return
    for name, shown in _names(given):
        _argument(checker, verb, name, getattr(given, name), (*place, shown))


def _argument(checker: Checker, verb: str, name: str, value: Any, at: Place) -> None:
    """One argument of a fault."""
    if value is None:
        return
    if _is_target(verb, name):
        checker.target(at, value)
    elif (verb, name) == ("partition", "b"):
        checker.target(at, value, "kafka")
    elif (verb, name) == ("rolling_upgrade", "until"):
        if value not in WAITED_FOR:
            checker.problem(at, one_of(value, WAITED_FOR))
    elif name in ("to", "plugins"):
        checker.refer(at, "set of plugins", value, checker.known.plugin_sets)
    elif name == "kafka_version":
        _version(checker, at, value)
    elif name == "operation":
        for one in [value] if isinstance(value, str) else value:
            _operation(checker, one, at, operations.GROUPS)
    elif (verb, name) == ("latency", "takes"):
        checker.spread(at, str(value))
    elif verb in ("answer", "queue") and name.startswith("answer"):
        for one in [value] if isinstance(value, str) else value:
            _given_answer(checker, one, at)


def _given_answer(checker: Checker, name: str, place: Place) -> None:
    """An answer that a fault gives."""
    is_error = len(name) == 3 and name.isdecimal() and name >= "400"
    if name not in NAMED_ANSWERS and name != OK and not is_error:
        close = nearest(name, (*NAMED_ANSWERS, OK))
        known = f"write a status code from 400, or one of {', '.join((*NAMED_ANSWERS, OK))}"
        checker.problem(
            place, f"{name!r} is no answer for a fault; " + (f"did you mean {close!r}?" if close else known)
        )


def _is_target(verb: str, name: str) -> bool:
    if (verb, name) in (("partition", "b"), ("set_plugins", "to"), ("write_status", "worker")):
        return False
    return name.rstrip("_") in (*_TARGETS, "from", "to")


def _version(checker: Checker, place: Place, text: str) -> None:
    try:
        KafkaVersion.parse(text)
    except ValueError as error:
        checker.problem(place, str(error))


def _request(checker: Checker, request: Request, place: Place) -> None:
    _operation(checker, request.operation, (*place, "operation"), ())
    checker.target((*place, "worker"), request.worker)
    if request.operation not in operations.OPERATIONS:
        return
    parameters = operations.parameters_of(request.operation)
    for field, shown in _names(request):
        name = operations.parameter(request.operation, field)
        is_given = getattr(request, field) is not None
        if parameters.get(name) and not is_given:
            checker.problem((*place, shown), f"missing: {request.operation} needs it")
        elif is_given and name not in parameters and field not in ASKING:
            checker.problem((*place, shown), f"{request.operation} takes no such thing")


ASKING: Final = ("operation", "worker", "give_up_after")
"""What is said of any request; the rest goes to core's operation."""


def _operation(checker: Checker, name: str, place: Place, groups: Sequence[str]) -> None:
    known = (*operations.OPERATIONS, *groups)
    if mistake := operations.operation_mistake(name, known, patterns=bool(groups)):
        checker.problem(place, mistake)


# --- conditions and expectations ----------------------------------------------------------------------------------------


def _says_nothing(condition: Condition) -> bool:
    return all(getattr(condition, name) is None for name in Condition.__struct_fields__)


def _condition(checker: Checker, condition: Condition, place: Place) -> None:
    if type(condition) is Condition and _says_nothing(condition):
        checker.problem(place, "expected something that has to be true")
    if condition.connector is None:
        for name in ABOUT_CONNECTOR:
            if getattr(condition, name) is not None:
                checker.problem((*place, name), "of which connector? 'connector' is missing")
                break
    elif all(getattr(condition, name) is None for name in (*ABOUT_CONNECTOR[:-1], "views_differ")):
        checker.problem((*place, "connector"), "and what of it? Say 'state', 'tasks', 'exists' or the like")
    if condition.on is not None:
        checker.refer(
            (*place, "on"), "worker", condition.on, (*checker.known.workers, "leader", "any", "all")
        )
    if (
        condition.task is not None
        and condition.state is None
        and condition.instances is None
        and condition.worker is None
    ):
        checker.problem((*place, "task"), "and what of it? Say 'state', 'worker' or 'instances'")


def _some(checker: Checker, part: TaskCounts | WorkersCondition | GroupCondition, place: Place) -> None:
    if all(getattr(part, name) is None for name in part.__struct_fields__):
        checker.problem(place, f"expected one of {', '.join(part.__struct_encode_fields__)}")


def _workers(checker: Checker, workers: WorkersCondition, place: Place) -> None:
    for name in [workers.names] if isinstance(workers.names, str) else workers.names or []:
        checker.refer((*place, "names"), "worker", name, checker.known.workers)


def _plugins(checker: Checker, plugins: PluginsCondition, place: Place) -> None:
    if plugins.on is not None:
        checker.refer((*place, "on"), "worker", plugins.on, checker.known.workers)


def _eventually(checker: Checker, wanted: Eventually, place: Place) -> None:
    if not wanted.that:
        checker.problem((*place, "that"), "expected something that has to be true")


def _group(checker: Checker, group: GroupCondition, place: Place) -> None:
    if group.leader is not None:
        checker.refer((*place, "leader"), "worker", group.leader, (*checker.known.workers, "none"))


def _filter(checker: Checker, wanted: RequestFilter, place: Place) -> None:
    names = [wanted.operation] if isinstance(wanted.operation, str) else wanted.operation or []
    for name in names:
        _operation(checker, name, (*place, "operation"), operations.GROUPS)
    if wanted.rule is not None:
        checker.refer((*place, "rule"), "rule", wanted.rule, checker.known.rules)
    if wanted.worker is not None:
        known = (*checker.known.workers, "leader", "follower", "all")
        checker.refer((*place, "worker"), "worker", wanted.worker, known)


def _answer_filter(checker: Checker, wanted: AnswerFilter, place: Place) -> None:
    names = [wanted.answer] if isinstance(wanted.answer, str) else wanted.answer or []
    _answers(checker, names, (*place, "answer"))
    if wanted.took is not None:
        try:
            span_test(wanted.took)
        except ValueError as error:
            checker.problem((*place, "took"), str(error))


def _answers(checker: Checker, names: Iterable[str], place: Place) -> None:
    for name in names:
        if mistake := operations.answer_mistake(name):
            checker.problem(place, mistake)


def _backoff(checker: Checker, backoff: Backoff, place: Place) -> None:
    _answers(checker, backoff.answers, (*place, "answers"))


def _client(checker: Checker, expectation: ClientExpectation, place: Place) -> None:
    given = [name for name in expectation.__struct_fields__ if getattr(expectation, name) is not None]
    if not given:
        checker.problem(place, "expected something of the client")
    for name in given[1:]:
        checker.problem((*place, name), f"one expectation at a time, and {given[0]!r} is there already")


def invariant(checker: Checker, name: str, place: Place) -> None:
    """A name under ``always``."""
    if name not in INVARIANTS:
        checker.problem(place, one_of(name, tuple(INVARIANTS)))


CHECKS: Final[Mapping[type, tuple[Callable[[Checker, Any, Place], None], ...]]] = {
    Rule: (_rule,),
    Piece: (_piece,),
    After: (_after,),
    Until: (_until,),
    When: (_when,),
    OnRequest: (_on_request,),
    Random: (_random,),
    Repeat: (_repeat,),
    ActionParts: (_action,),
    Request: (_request,),
    Condition: (_condition,),
    TaskCounts: (_some,),
    WorkersCondition: (_some, _workers),
    GroupCondition: (_some, _group),
    PluginsCondition: (_plugins,),
    Eventually: (_eventually,),
    RequestFilter: (_filter,),
    AnswerFilter: (_answer_filter,),
    Backoff: (_backoff,),
    ClientExpectation: (_client,),
}
"""What is looked at, by type of part; a part has the checks of all its types."""

"""``mockconnect ctl``: the control API of a running cluster, on the command line.

Rules of this room:

* Each command is one request; what the API answers is printed as a table, or as it is with ``--json``.
* A report in which something did not hold ends with exit status 1, and so does anything else that was expected.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from mockconnect.cli.api import Api, fail, print_json, show_pairs
from mockconnect.usual import CONTROL_PORT

if TYPE_CHECKING:
    from http.client import HTTPResponse

DEFAULT_URL: Final = f"http://127.0.0.1:{CONTROL_PORT}"


@click.group()
@click.option(
    "--url",
    envvar="MOCKCONNECT_CONTROL_URL",
    show_envvar=True,
    default=DEFAULT_URL,
    show_default=True,
    help="The control API, or a worker's URL with /__mockconnect.",
)
@click.option("--token", envvar="MOCKCONNECT_CONTROL_TOKEN", show_envvar=True, help="If it demands one.")
@click.option("--json", "as_json", is_flag=True, help="Answers as they are.")
@click.pass_context
def ctl(context: click.Context, url: str, token: str | None, as_json: bool) -> None:
    """Look at a running cluster, and do something to it."""
    context.obj = Api(url, token, as_json)


_api = click.pass_obj


# --- the whole ----------------------------------------------------------------------------------------------------------


@ctl.command()
@_api
def info(api: Api) -> None:
    """Which cluster it is, and how far."""
    show_pairs(api, api.ask("GET", "/info"))


@ctl.command()
@_api
def snapshot(api: Api) -> None:
    """The whole cluster as JSON."""
    print_json(api.ask("GET", "/snapshot"))


@ctl.group()
def snapshots() -> None:
    """What its topics said at some moment: keep it, and begin with it again."""


@snapshots.command("list")
@_api
def list_snapshots(api: Api) -> None:
    """Those that are kept."""
    found = api.ask("GET", "/snapshots")
    rows = [(one["name"], one["at_ms"], len(one["workers"]), len(one["connectors"])) for one in found]
    api.show(found, ("NAME", "AT_MS", "WORKERS", "CONNECTORS"), rows)


@snapshots.command()
@click.argument("name")
@_api
def keep(api: Api, name: str) -> None:
    """Keep what is there now."""
    show_pairs(api, api.ask("POST", f"/snapshots/{_segment(name)}"))


@snapshots.command()
@click.argument("name")
@_api
def restore(api: Api, name: str) -> None:
    """Make the cluster anew, with what was kept."""
    show_pairs(api, api.ask("POST", f"/snapshots/{_segment(name)}/restore"))


@snapshots.command()
@click.argument("name")
@_api
def forget(api: Api, name: str) -> None:
    """Keep it no longer."""
    show_pairs(api, api.ask("DELETE", f"/snapshots/{_segment(name)}"))


@ctl.command()
@_api
def metrics(api: Api) -> None:
    """Its numbers, as Prometheus reads them."""
    if api.as_json:
        print_json(api.ask("GET", "/metrics", format="json"))
        return
    with api.open("GET", "/metrics?format=text", accept="text/plain") as answer:
        click.echo(answer.read().decode(), nl=False)


@ctl.command()
@click.argument("scopes", nargs=-1, metavar="[state|journal|faults|scenario|clock|all]...")
@_api
def reset(api: Api, scopes: tuple[str, ...]) -> None:
    """Make the cluster what it was when it started, or only a part of it."""
    answer = api.ask("POST", "/reset", {"scopes": list(scopes)} if scopes else None)
    show_pairs(api, answer)


@ctl.command()
@_api
def workers(api: Api) -> None:
    """All workers."""
    found = api.ask("GET", "/workers")
    rows = [
        (one["name"], one["url"], one["version"], one["rest"], one["frozen"], one["leader"]) for one in found
    ]
    api.show(found, ("NAME", "URL", "VERSION", "REST", "FROZEN", "LEADER"), rows)


@ctl.command()
@click.argument("verb")
@click.argument("name")
@click.argument("arguments", required=False, default="")
@_api
def worker(api: Api, verb: str, name: str, arguments: str) -> None:
    """Do something to a worker.

    Such as: ctl worker crash leader 'for: 20s'.
    """
    _injected(api, f"/workers/{_segment(name)}/{_segment(verb)}", _arguments(arguments))


@ctl.command()
@_api
def connectors(api: Api) -> None:
    """All connectors, and where they run."""
    found = api.ask("GET", "/connectors")
    rows = [(one["name"], one["owner"], *_shown(one)) for one in found]
    api.show(found, ("NAME", "OWNER", "TARGET", "STATES", "RUNNING"), rows)


def _shown(connector: Mapping[str, Any]) -> tuple[str, str, int]:
    """Target states and states as the workers know them: one, where they agree."""
    views = list(connector["views"].values())
    targets = dict.fromkeys(str(one.get("target", "-")) for one in views)
    states = dict.fromkeys(_state(one.get("status")) for one in views)
    running = sum(map(len, connector["running"].values()))
    return " or ".join(targets), " or ".join(states), running


def _state(status: Mapping[str, Any] | None) -> str:
    if status is None:
        return "-"
    states = [status["connector"], *status["tasks"].values()]
    return ",".join(str(one).partition("@")[0] for one in states)


@ctl.command()
@click.argument("verb")
@click.argument("name")
@click.argument("arguments", required=False, default="")
@_api
def connector(api: Api, verb: str, name: str, arguments: str) -> None:
    """Do something to a connector.

    Such as: ctl connector fail_task orders 'task: 0'.
    """
    _injected(api, f"/connectors/{_segment(name)}/{_segment(verb)}", _arguments(arguments))


def _segment(text: str) -> str:
    return quote(text, safe="")


def _arguments(text: str) -> str | None:
    """``for: 20s, how: dns`` is a mapping without its braces."""
    text = text.strip()
    return text if not text or text.startswith("{") or "\n" in text else f"{{{text}}}"


# --- faults -------------------------------------------------------------------------------------------------------------


@ctl.group()
def faults() -> None:
    """What is done to the cluster: see it, do it, end it."""


@faults.command("list")
@click.option("--all", "with_ended", is_flag=True, help="Those that are over, too.")
@_api
def list_faults(api: Api, with_ended: bool) -> None:
    """Faults that are active."""
    found = api.ask("GET", "/faults")
    shown: list[Any] = [*(found["ended"] if with_ended else ()), *found["active"]]
    rows = [
        (one["id"], one["since_ms"], one["ends_at_ms"], one["workers"], one["ended"] or "active", one["text"])
        for one in shown
    ]
    api.show(shown, ("ID", "SINCE", "UNTIL", "WORKERS", "STATE", "WHAT"), rows)


@faults.command("add")
@click.argument("fault")
@_api
def add_fault(api: Api, fault: str) -> None:
    """Let a fault happen.

    Such as: ctl faults add 'crash: leader'; - reads it from standard input.
    """
    text = sys.stdin.read() if fault == "-" else fault
    _injected(api, "/faults", text)


def _injected(api: Api, path: str, body: str | None) -> None:
    answer = api.ask("POST", path, body)
    if api.as_json:
        print_json(answer)
    else:
        click.echo(answer["fault"]["id"])


@faults.command()
@click.argument("fault_id", metavar="ID")
@_api
def heal(api: Api, fault_id: str) -> None:
    """End a fault."""
    _healed(api, api.ask("DELETE", f"/faults/{_segment(fault_id)}"))


@faults.command("heal-all")
@_api
def heal_all(api: Api) -> None:
    """End all faults."""
    _healed(api, api.ask("DELETE", "/faults"))


def _healed(api: Api, answer: Mapping[str, Any]) -> None:
    if api.as_json:
        print_json(answer)
        return
    for fault_id in answer["healed"]:
        click.echo(fault_id)


# --- the clock ----------------------------------------------------------------------------------------------------------


@ctl.group()
def clock() -> None:
    """Virtual time."""


@clock.command("show")
@_api
def show_clock(api: Api) -> None:
    """What time it is, and what moves it."""
    show_pairs(api, api.ask("GET", "/clock"))


@clock.command()
@click.argument("by", metavar="TIME")
@_api
def advance(api: Api, by: str) -> None:
    """Move time on: ctl clock advance 5m."""
    show_pairs(api, api.ask("POST", "/clock/advance", {"by": by}))


@clock.command("run-until")
@click.argument("until", default="settled", metavar="[settled|INSTANT]")
@click.option("--max", "limit", metavar="TIME", help="How long at most, for settled.")
@_api
def run_until(api: Api, until: str, limit: str | None) -> None:
    """Move time on until nothing is under way, or to an instant. Exit status 1 if it does not settle."""
    body = {"until": until} if limit is None else {"until": until, "max": limit}
    answer = api.ask("POST", "/clock/run_until", body)
    show_pairs(api, answer)
    sys.exit(0 if answer["reached"] else 1)


@clock.command()
@click.argument("rate")
@_api
def rate(api: Api, rate: str) -> None:
    """How fast a real clock goes: ctl clock rate 60."""
    show_pairs(api, api.ask("PUT", "/clock", {"rate": rate.removeprefix("x")}))


# --- requests and events ------------------------------------------------------------------------------------------------


_CRITERIA: Final = (
    click.option("--operation", "--op", help="An operation or a pattern; any_read, any_write."),
    click.option("--connector", help="A name or a pattern."),
    click.option("--task", type=int, metavar="NUMBER", help="Of that connector."),
    click.option("--worker", help="Whom it reached."),
    click.option("--method", help="GET, POST, ..."),
    click.option("--path", help="Without its query; or a pattern."),
    click.option("--status", help="409, 5xx, 409.stale_config, none (the connection broke) or open."),
    click.option("--since", type=int, metavar="NUMBER", help="Only later ones, the oldest first."),
)


def _criteria(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which requests are meant."""
    for option in reversed(_CRITERIA):
        command = option(command)
    return command


@ctl.command()
@_criteria
@click.option("--limit", type=int, help="How many at most.")
@click.option("--har", is_flag=True, help="All of them as an HTTP archive, for developer tools of browsers.")
@_api
def requests(api: Api, /, har: bool, **wanted: Any) -> None:
    """What clients have asked."""
    if har:
        if wanted.pop("limit") is not None:
            fail(["--limit: an archive has all of them"])
        print_json(api.ask("GET", "/requests.har", **wanted))
        return
    found = api.ask("GET", "/requests", **wanted)["requests"]
    rows = [
        (
            one["number"],
            one["at_ms"],
            one["worker"],
            one["status"],
            f"{one['method']} {one['target']}",
            one["fault"],
        )
        for one in found
    ]
    api.show(found, ("NUMBER", "AT_MS", "WORKER", "STATUS", "REQUEST", "FAULT"), rows)


@ctl.command()
@_criteria
@click.option("--count", type=int, help="There are exactly so many.")
@click.option("--at-least", type=int, metavar="COUNT", help="There are so many, or more.")
@click.option("--at-most", type=int, metavar="COUNT", help="There are so many, or fewer.")
@click.option(
    "--order", multiple=True, metavar="OPERATION", help="They came one after the other; to be repeated."
)
@_api
def verify(api: Api, /, order: tuple[str, ...], **expected: Any) -> None:
    """Whether clients have asked what was expected. Exit status 1 if not.

    Such as: ctl verify --operation restart_task --connector orders --count 1.
    """
    given = {**expected, "order": list(order) or None}
    body = {name: value for name, value in given.items() if value is not None}
    show_pairs(api, api.ask("POST", "/requests/verify", body))


@ctl.command()
@click.option("--since", type=int, metavar="NUMBER", help="Only later ones, the oldest first.")
@click.option("--limit", type=int, help="How many at most; not with --follow.")
@click.option("--follow", is_flag=True, help="Go on until it is interrupted.")
@_api
def events(api: Api, since: int | None, limit: int | None, follow: bool) -> None:
    """What happened, one event a line."""
    if follow:
        _follow(api, since)
        return
    for event in api.ask("GET", "/events", since=since, limit=limit)["events"]:
        _print_event(api, event)


def _follow(api: Api, since: int | None) -> None:
    from http.client import HTTPException  # noqa: PLC0415 - heavy

    path = "/events?follow=true" + ("" if since is None else f"&since={since}")
    try:
        with api.open("GET", path, accept="text/event-stream") as answer:
            for event in _data(answer):
                _print_event(api, event)
                sys.stdout.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        return
    except (OSError, HTTPException):
        fail([f"{api.url}: the connection broke"])


def _data(lines: HTTPResponse) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def _print_event(api: Api, event: Mapping[str, Any]) -> None:
    if api.as_json:
        click.echo(json.dumps(event))
    elif "number" in event:
        click.echo(
            f"{event['number']:>6} {event['at_ms']:>10} {event['worker']:<18} {event['generation']:>4}"
            f" {event['what']:<20} {event['detail']}".rstrip()
        )
    elif "resets" in event:
        click.echo("the cluster was made anew; its numbers begin again", err=True)
    else:
        click.echo(f"events {event['from']} to {event['to']} are no longer there", err=True)


# --- scenarios ----------------------------------------------------------------------------------------------------------


@ctl.group()
def scenario() -> None:
    """Scenarios on the running cluster."""


@scenario.command("list")
@_api
def list_scenarios(api: Api) -> None:
    """The scenarios that it has."""
    found = api.ask("GET", "/scenarios")
    api.show(found, ("NAME", "WHAT"), [(one["name"], one["title"]) for one in found])


@scenario.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@_api
def start(api: Api, name: str, params: tuple[str, ...]) -> None:
    """Play a scenario now: one that it has, or a file of yours."""
    given = {}
    for text in params:
        key, equals, value = text.partition("=")
        if not equals:
            fail([f"--param: expected NAME=VALUE, found {text!r}"])
        given[key] = value
    show_pairs(api, api.ask("POST", "/scenarios", {**_named(name), "params": given}))


def _named(name: str) -> dict[str, str]:
    if os.sep not in name and not name.endswith((".yaml", ".yml", ".json")):
        return {"name": name}
    try:
        return {"document": Path(name).read_text(encoding="utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        fail([f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"])


@scenario.command("status")
@_api
def scenario_status(api: Api) -> None:
    """How far it is."""
    show_pairs(api, api.ask("GET", "/scenarios/current"))


@scenario.command()
@_api
def report(api: Api) -> None:
    """What came of it so far. Exit status 1 if something did not hold."""
    _reported(api, "GET", "/scenarios/current/report")


@scenario.command()
@_api
def stop(api: Api) -> None:
    """End it, heal what it broke, and print the report."""
    _reported(api, "POST", "/scenarios/current/stop")


def _reported(api: Api, method: str, path: str) -> None:
    found = api.ask(method, path)
    if api.as_json:
        print_json(found)
    else:
        with api.open("GET", "/scenarios/current/report?format=text") as answer:
            click.echo(answer.read().decode(), nl=False)
    sys.exit(0 if found["held"] else 1)

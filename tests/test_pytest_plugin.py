"""The pytest plugin, as a test suite of its users sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mockconnect.hosting  # noqa: F401 - loaded once, or each of the inner runs would load it again

pytest_plugins = ["pytester"]

CLIENT = """
    import json, urllib.request

    import pytest

    def get(url):
        with urllib.request.urlopen(url) as response:
            return json.load(response)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nasyncio_default_fixture_loop_scope = "function"\n')
    pytester.makepyfile(client=CLIENT)
    return pytester


def run(suite: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    suite.makepyfile(test_it=f"import mockconnect, pytest\nfrom client import get\n{test}")
    others = [
        f"-pno:{name}" for name in ("faker", "hypothesispytest", "xdist")
    ]  # slow to load, and not the matter here
    return suite.runpytest_inprocess(*others, *arguments)


# --- fixtures ---------------------------------------------------------------------------------------------------------


def test_a_cluster_of_three_settled_workers(suite: pytest.Pytester) -> None:
    test = """
def test_it(connect_cluster, connect_url, connect_worker_urls):
    assert connect_url == connect_cluster.url == connect_worker_urls[0]
    assert len(connect_worker_urls) == 3
    assert connect_cluster.leader is not None
    assert [get(url + "/connectors") for url in connect_worker_urls] == [[], [], []]
"""
    run(suite, test).assert_outcomes(passed=1)


def test_each_test_has_its_own_cluster(suite: pytest.Pytester) -> None:
    test = """
seen = []

@pytest.mark.parametrize("turn", [1, 2])
def test_it(connect_cluster, turn):
    assert connect_cluster.now_ms < 20_000
    connect_cluster.advance("1h")
    seen.append(connect_cluster)
    assert len({id(one) for one in seen}) == turn
"""
    run(suite, test).assert_outcomes(passed=2)


def test_the_closest_marker_counts_whole(suite: pytest.Pytester) -> None:
    test = """
pytestmark = pytest.mark.mockconnect(workers=2, seed=5)

def test_of_the_module(connect_cluster):
    assert (len(connect_cluster.workers), connect_cluster.seed) == (2, 5)

@pytest.mark.mockconnect(1)
def test_of_its_own(connect_cluster):
    assert (len(connect_cluster.workers), connect_cluster.seed) == (1, 0)
"""
    run(suite, test, "--strict-markers").assert_outcomes(passed=2)


def test_a_factory_for_several_clusters(suite: pytest.Pytester) -> None:
    test = """
def test_it(connect_cluster_factory):
    one, other = connect_cluster_factory(workers=1), connect_cluster_factory(2, kafka_version="4.3.0")
    assert [get(url)["version"] for url in (*one.urls, *other.urls)] == ["4.3.1", "4.3.0", "4.3.0"]
"""
    run(suite, test).assert_outcomes(passed=1)


def test_clusters_end_with_their_test(suite: pytest.Pytester) -> None:
    test = """
import threading, urllib.error
urls = []

def test_first(connect_url):
    urls.append(connect_url)

def test_second():
    assert not [thread for thread in threading.enumerate() if thread.name == "mockconnect"]
    with pytest.raises(urllib.error.URLError):
        get(urls[0])
"""
    run(suite, test).assert_outcomes(passed=2)


def test_an_asynchronous_test_has_the_cluster_on_its_own_loop(suite: pytest.Pytester) -> None:
    test = """
import threading, aiohttp

@pytest.mark.asyncio
@pytest.mark.mockconnect(workers=2, seed=3)
async def test_it(aio_connect_cluster):
    assert aio_connect_cluster.seed == 3
    assert not [thread for thread in threading.enumerate() if thread.name == "mockconnect"]
    async with aiohttp.ClientSession() as session:
        for url in aio_connect_cluster.urls:
            async with session.get(url + "/connectors") as response:
                assert await response.json() == []
    aio_connect_cluster.crash("leader")
    aio_connect_cluster.advance("1m")
    assert len(aio_connect_cluster.snapshot()["group"]["members"]) == 1
"""
    run(suite, test).assert_outcomes(passed=1)


def test_the_asynchronous_cluster_says_what_it_needs(suite: pytest.Pytester) -> None:
    suite.makepyprojecttoml("[tool.pytest.ini_options]")
    result = run(
        suite,
        "def test_it(aio_connect_cluster): pass",
        "-p",
        "no:asyncio",
        "-p",
        "no:aiohttp",
        "-o",
        "addopts=",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*aio_connect_cluster needs pytest-asyncio or pytest-aiohttp, and neither is active"]
    )


# --- seeds --------------------------------------------------------------------------------------------------------------

PRINT_SEED = "def test_it(connect_cluster): print('seed is', connect_cluster.seed)"


def test_the_seed_of_the_command_line_is_for_clusters_that_name_none(suite: pytest.Pytester) -> None:
    test = """
def test_it(connect_cluster, connect_cluster_factory):
    assert (connect_cluster.seed, connect_cluster_factory(1, seed=2).seed) == (9, 2)
"""
    run(suite, test, "--mockconnect-seed=9").assert_outcomes(passed=1)


def test_the_seed_of_the_settings(suite: pytest.Pytester) -> None:
    result = run(suite, PRINT_SEED, "-o", "mockconnect_seed=4", "-s")
    result.stdout.fnmatch_lines(["mockconnect: --mockconnect-seed=4", "*seed is 4*"])


def test_a_random_seed_is_told(suite: pytest.Pytester) -> None:
    result = run(suite, PRINT_SEED, "--mockconnect-seed=random", "-s")
    header = next(line for line in result.outlines if line.startswith("mockconnect: "))
    seed = header.removeprefix("mockconnect: --mockconnect-seed=")
    result.stdout.fnmatch_lines([f"*seed is {seed}*"])


def test_seed_0_is_a_seed_too(suite: pytest.Pytester) -> None:
    marker = '@pytest.mark.mockconnect(scenario="rolling-upgrade")\n'
    run(suite, marker + PRINT_SEED, "-s").stdout.fnmatch_lines(["*seed is 42*"])
    result = run(suite, marker + PRINT_SEED, "-s", "--mockconnect-seed=0")
    result.stdout.fnmatch_lines(["mockconnect: --mockconnect-seed=0", "*seed is 0*"])


def test_many_seeds_are_many_tests(suite: pytest.Pytester) -> None:
    test = """
@pytest.mark.mockconnect(workers=1, seeds=3)
def test_it(connect_cluster, connect_cluster_factory, connect_seed):
    assert connect_cluster.seed == connect_seed == connect_cluster_factory(1).seed
    assert connect_seed != 2, "the third"
"""
    result = run(suite, test, "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*::test_it?seed-0? PASSED*",
            "*::test_it?seed-1? PASSED*",
            "*::test_it?seed-2? FAILED*",
            "replay:  pytest 'test_it.py::test_it?seed-2?' --mockconnect-seed=2",
        ]
    )
    again = run(suite, test, "test_it.py::test_it[seed-2]", "--mockconnect-seed=2")
    again.assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("seeds", "option", "ids"),
    [
        ("seeds=2, seed=5", "9", ["5", "6"]),
        ("seeds=2", "9", ["9", "10"]),
        ("seeds=[3, 70]", "9", ["3", "70"]),
    ],
)
def test_where_many_seeds_begin(suite: pytest.Pytester, seeds: str, option: str, ids: list[str]) -> None:
    test = f"@pytest.mark.mockconnect(1, {seeds})\n{PRINT_SEED}"
    result = run(suite, test, "-s", f"--mockconnect-seed={option}")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"*seed is {seed}*" for seed in ids])


def test_many_seeds_for_an_asynchronous_test(suite: pytest.Pytester) -> None:
    test = """
@pytest.mark.asyncio
@pytest.mark.mockconnect(1, seeds=2)
async def test_it(aio_connect_cluster, connect_seed):
    assert aio_connect_cluster.seed == connect_seed
"""
    run(suite, test).assert_outcomes(passed=2)


@pytest.mark.parametrize("seeds", ["0", "'many'", "[]", "True", "[1, 'x']"])
def test_seeds_that_are_none(suite: pytest.Pytester, seeds: str) -> None:
    result = run(suite, f"@pytest.mark.mockconnect(seeds={seeds})\n{PRINT_SEED}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["seeds: expected how many, or a list of numbers, found *"])


def test_a_seed_that_is_none(suite: pytest.Pytester) -> None:
    result = run(suite, PRINT_SEED, "--mockconnect-seed=x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--mockconnect-seed: expected a number or 'random', found 'x'"])


# --- failures -----------------------------------------------------------------------------------------------------------


def test_a_failure_is_told_with_seed_command_and_what_happened(suite: pytest.Pytester) -> None:
    test = """
def test_it(connect_cluster):
    connect_cluster.crash("connect-1")
    get(connect_cluster.workers[2].url + "/connectors")
    assert False
"""
    result = run(suite, test, "--mockconnect-seed=11")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- mockconnect -*",
            "cluster: 3 workers, seed 11, * ms of virtual time",
            "replay:  pytest test_it.py::test_it --mockconnect-seed=11",
            "what happened last, in seconds of the cluster:",
            "      time worker              gen what           detail",
            "* connect-1 *crash*",
            "* connect-2 * request * GET /connectors -> 200",
        ]
    )


def test_what_an_error_has_told_is_not_told_again(suite: pytest.Pytester) -> None:
    result = run(suite, 'def test_it(connect_cluster): connect_cluster.wait_for("nobody", within="1s")')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NotReachedError: nobody RUNNING *", "*- mockconnect -*", "replay:  *"])
    result.stdout.no_fnmatch_line("what happened last*")
    result.stdout.no_fnmatch_line("*def wait_for*")


def test_the_command_counts_from_where_one_is(suite: pytest.Pytester) -> None:
    folder = suite.mkdir("inner")
    (folder / "test_inner.py").write_text("def test_it(connect_cluster): assert False")
    suite.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        result = run(suite, "", "test_inner.py")
    result.stdout.fnmatch_lines(["replay:  pytest test_inner.py::test_it --mockconnect-seed=0"])


def test_a_test_that_passes_tells_nothing(suite: pytest.Pytester) -> None:
    result = run(suite, PRINT_SEED, "-rA")
    result.stdout.no_fnmatch_line("replay:*")


def test_mistakes_in_a_marker_are_told_at_once_and_without_a_traceback(suite: pytest.Pytester) -> None:
    test = """
@pytest.mark.mockconnect(worker=3, clock="fast")
def test_it(connect_cluster): pass
"""
    result = run(suite, test)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "2 mistakes in the options of the cluster:",
            "  worker: unknown; did you mean 'workers'?",
            "  clock: expected *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*During handling of*")


def test_mistakes_in_a_scenario_file_are_told_at_its_lines(suite: pytest.Pytester) -> None:
    suite.makefile(
        ".yaml", mine="apiVersion: mockconnect/v1\nkind: Scenario\nmetadata: {name: x}\nexpct: {}\n"
    )
    result = run(suite, '@pytest.mark.mockconnect(scenario="mine.yaml")\ndef test_it(connect_cluster): pass')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["  mine.yaml:4: expct: unknown; did you mean 'expect'?"])
    result.stdout.no_fnmatch_line("*During handling*")


def test_a_marker_with_too_many_arguments(suite: pytest.Pytester) -> None:
    result = run(suite, "@pytest.mark.mockconnect(1, 2)\ndef test_it(connect_cluster): pass")
    result.stdout.fnmatch_lines(["@pytest.mark.mockconnect takes keyword arguments, found (1, 2)"])


BUG = """
def test_it(connect_cluster, monkeypatch):
    from mockconnect.core.forwarding import Resources
    from urllib.error import HTTPError

    monkeypatch.setattr(Resources, "submit", lambda *_: 1 / 0)
    with pytest.raises(HTTPError) as raised:
        get(connect_cluster.url + "/connectors")
    raised.value.close()
"""


def test_a_bug_of_ours_fails_a_test_that_passes(suite: pytest.Pytester) -> None:
    result = run(suite, BUG)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["a bug in mockconnect itself, please report it:", "*ZeroDivisionError*", "replay: *"]
    )


def test_a_bug_of_ours_is_told_with_a_test_that_fails(suite: pytest.Pytester) -> None:
    result = run(suite, BUG + "    assert False")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["bug of mockconnect: *"])


# --- scenarios are judged ---------------------------------------------------------------------------------------------

SCENARIO = """
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: mine, description: A worker crashes after ten seconds.}
settings: {seed: 7}
timeline:
  - {name: kill, at: 10s, do: {crash: {worker: connect-1, for: 5s}}}
expect:
  always: [{workers: {serving: true, count: 3}}]
  client:
    - never: {operation: delete_connector}
    - sends: {operation: list_connectors, count: ">=2"}
    - retries: {answer: 404}
  sometimes: [{group: {rebalancing: true}}]
  requests: [{operation: list_connectors, count: 3}]
  eventually:
    within: 1s
    that: [{connector: nobody, state: RUNNING}]
"""


def judged(suite: pytest.Pytester, body: str, *arguments: str, marker: str = "") -> pytest.RunResult:
    suite.makefile(".yaml", mine=SCENARIO)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    marker = f'@pytest.mark.mockconnect(scenario="mine.yaml"{marker})'
    return run(suite, f"{marker}\ndef test_it(connect_cluster):\n{lines}\n", *arguments)


def test_what_had_no_time_to_come_about_fails_nothing(suite: pytest.Pytester) -> None:
    judged(suite, 'get(connect_cluster.url + "/connectors")').assert_outcomes(passed=1)


def test_what_did_not_hold_fails_the_test(suite: pytest.Pytester) -> None:
    result = judged(suite, 'connect_cluster.advance("12s")')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "mine: an expectation failed (seed 7)",
            "FAILED * always * {workers: {*count: 3*}}",
            "*at 10.000s: not so",
            "judged after the test, as far as it has played it; the marker's judge=False leaves that to the test",
            "replay:  pytest test_it.py::test_it --mockconnect-seed=7",
            "mine: 1 FAILED, 6 not judged",
            "what happened last, in seconds of the scenario:",
            "*10.000 connect-1 * crash",
        ]
    )
    assert str(result.stdout).count("FAILED      always") == 1


def test_what_never_came_about_fails_it_once_it_is_played_out(suite: pytest.Pytester) -> None:
    result = judged(suite, "connect_cluster.play_out()")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["mine: 4 expectations failed (seed 7)", "FAILED * eventually *"])


@pytest.mark.parametrize(
    "body",
    [
        'connect_cluster.advance("12s")\nassert False',
        "connect_cluster.play_out().check()",
        'connect_cluster.advance("12s")\nconnect_cluster.stop_scenario().check()',
    ],
)
def test_a_test_fails_once(suite: pytest.Pytester, body: str) -> None:
    result = judged(suite, body)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["mine: * FAILED, *"])
    result.stdout.no_fnmatch_line("judged after the test*")


@pytest.mark.parametrize("scopes", ["", '"state"'])
def test_what_was_reset_is_judged_as_far_as_it_is_there(suite: pytest.Pytester, scopes: str) -> None:
    """A scenario that begins again has not failed yet; one that ended with its cluster is not judged."""
    body = f'connect_cluster.advance("12s"); connect_cluster.reset({scopes})'
    judged(suite, body).assert_outcomes(passed=1)


def test_who_judges_by_himself_is_not_judged_again(suite: pytest.Pytester) -> None:
    body = 'with pytest.raises(AssertionError, match="nobody"):\n    connect_cluster.play_out().check()'
    judged(suite, body).assert_outcomes(passed=1)


def test_what_was_reset_is_judged_anew(suite: pytest.Pytester) -> None:
    judged(suite, 'connect_cluster.advance("12s")\nconnect_cluster.reset()').assert_outcomes(passed=1)
    judged(suite, 'connect_cluster.advance("12s")\nconnect_cluster.reset("state")').assert_outcomes(passed=1)
    again = 'connect_cluster.play_out().check()\nconnect_cluster.reset()\nconnect_cluster.advance("12s")'
    result = judged(suite, f"with pytest.raises(AssertionError): {again}")
    result.assert_outcomes(failed=1)


def test_judging_can_be_turned_off(suite: pytest.Pytester) -> None:
    body = 'connect_cluster.advance("12s")'
    judged(suite, body, marker=", judge=False").assert_outcomes(passed=1)
    result = judged(suite, body, marker=", judge='no'")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["judge: expected True or False, found 'no'"])


def test_a_test_that_is_expected_to_fail_does(suite: pytest.Pytester) -> None:
    suite.makefile(".yaml", mine=SCENARIO)
    test = """
@pytest.mark.xfail(strict=True)
@pytest.mark.mockconnect(scenario="mine.yaml")
def test_it(connect_cluster): connect_cluster.advance("12s")
"""
    run(suite, test).assert_outcomes(xfailed=1)


def test_clusters_of_the_factory_and_of_the_loop_are_judged(suite: pytest.Pytester) -> None:
    suite.makefile(".yaml", mine=SCENARIO)
    test = """
def test_factory(connect_cluster_factory):
    connect_cluster_factory(scenario="mine.yaml").advance("12s")

def test_not_the_second(connect_cluster_factory):
    connect_cluster_factory(scenario="mine.yaml", judge=False).advance("12s")

@pytest.mark.asyncio
@pytest.mark.mockconnect(scenario="mine.yaml")
async def test_aio(aio_connect_cluster):
    aio_connect_cluster.advance("12s")

def test_played_later(connect_cluster):
    connect_cluster.play("mine.yaml")
    connect_cluster.advance("12s")
"""
    result = run(suite, test)
    result.assert_outcomes(failed=2, passed=2)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_factory *", "FAILED test_it.py::test_aio *"])


# --- strict tests -------------------------------------------------------------------------------------------------------

STRICT = """
from mockconnect import faults

def ask(cluster):
    get(cluster.url + "/connectors")

@pytest.mark.mockconnect(strict=True)
def test_met(connect_cluster):
    connect_cluster.inject(faults.Latency(5, operation="list_connectors"))
    ask(connect_cluster)

@pytest.mark.mockconnect(strict=True)
def test_unmet(connect_cluster):
    connect_cluster.inject(faults.AnswerWith("500", connector="ordres"))
    ask(connect_cluster)

def test_lenient(connect_cluster):
    connect_cluster.inject(faults.AnswerWith("500", connector="ordres"))

def test_factory(connect_cluster_factory):
    connect_cluster_factory(1).inject(faults.Html(worker="connect-0"))
    connect_cluster_factory(1, strict=True).inject(faults.Html(worker="connect-0"))

@pytest.mark.asyncio
@pytest.mark.mockconnect(1, strict=True)
async def test_aio(aio_connect_cluster):
    aio_connect_cluster.inject(faults.Slow("start", connector="ordres"))

@pytest.mark.mockconnect(strict=True)
def test_failed_already(connect_cluster):
    connect_cluster.inject(faults.AnswerWith("500", connector="ordres"))
    assert False
"""


def test_a_fault_that_nothing_met_fails_a_strict_test(suite: pytest.Pytester) -> None:
    result = run(suite, STRICT)
    result.assert_outcomes(passed=2, failed=4)
    result.stdout.fnmatch_lines(
        [
            "a fault that nothing met: no request of that kind came, or no such code ran",
            "  answer-1, since *s: answer answer=500 connector=ordres",
            "the last of 1 requests (seed 0):",
            "*GET /connectors -> 200",
            "the marker's strict=True does not forgive that",
            "FAILED test_it.py::test_unmet *",
            "FAILED test_it.py::test_factory *",
            "FAILED test_it.py::test_aio *",
            "FAILED test_it.py::test_failed_already - assert False",
        ]
    )


def test_strict_is_a_truth_value(suite: pytest.Pytester) -> None:
    result = run(suite, "@pytest.mark.mockconnect(strict='no')\ndef test_it(connect_cluster): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["strict: expected True or False, found 'no'"])


# --- cost ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "loaded"), [("mockconnect", []), ("mockconnect.pytest_plugin", ["pytest_plugin"])]
)
def test_loading_it_loads_nothing_else(module: str, loaded: list[str]) -> None:
    script = (
        "import sys, pytest; before = set(sys.modules)\n"
        f"import {module}\n"
        "print(sorted(set(sys.modules) - before))"
    )
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.strip() == str(["mockconnect", *(f"mockconnect.{name}" for name in loaded)])

"""Runs as JUnit XML, which every build server shows: a suite per run, a case per expectation and per rule.

Rules of this room: the same runs give the same text, to the byte. A suite's time is virtual. What was not judged is
skipped; a rule fails nothing, but what it could not do stands in its output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mockconnect.scenario.report import HEAD, Report, RuleReport, Verdict, seconds

NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot have, not even escaped."""


def junit(reports: Sequence[Report]) -> str:
    """The document."""
    root = Element("testsuites", {"name": "mockconnect"})
    counts = [_suite(root, report) for report in reports]
    for name in ("tests", "failures", "skipped"):
        root.set(name, str(sum(one[name] for one in counts)))
    root.set("errors", "0")
    indent(root)
    text = NO_XML.sub("\ufffd", tostring(root, encoding="unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(root: Element, report: Report) -> Mapping[str, int]:
    suite = SubElement(root, "testsuite", {"name": report.scenario})
    properties = SubElement(suite, "properties")
    for name, value in _properties(report).items():
        SubElement(properties, "property", {"name": name, "value": value})
    for verdict in report.verdicts:
        _expectation(_case(suite, report, verdict.kind, verdict.text), report, verdict)
    for rule in report.rules:
        _rule(_case(suite, report, "rule", rule.name), rule)
    cases = suite.findall("testcase")
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    lasted = f"{report.total_ms / 1000:.3f}"
    suite.attrib.update({name: str(count) for name, count in counts.items()}, errors="0", time=lasted)
    return counts


def _properties(report: Report) -> Mapping[str, str]:
    params = {f"param.{name}": value for name, value in sorted(report.params.items())}
    return {
        "scenario": report.scenario,
        "seed": str(report.seed),
        "trace_hash": report.trace_hash,
        "repro": report.repro,
        **params,
    }


def _case(suite: Element, report: Report, kind: str, name: str) -> Element:
    return SubElement(suite, "testcase", {"classname": f"{report.scenario}.{kind}", "name": name})


def _expectation(case: Element, report: Report, verdict: Verdict) -> None:
    if verdict.held is None:
        SubElement(case, "skipped", {"message": verdict.detail})
    elif not verdict.held:
        failure = SubElement(case, "failure", {"type": verdict.kind, "message": verdict.detail})
        at = "" if verdict.at_ms is None else f"at {seconds(verdict.at_ms)}: "
        told = [verdict.text, f"{at}{verdict.detail}"]
        failure.text = "\n".join([*told, "", HEAD, *report.around(verdict), "", report.again])


def _rule(case: Element, rule: RuleReport) -> None:
    if not rule.fired_at_ms:
        SubElement(case, "skipped", {"message": "it never fired"})
    fired = [f"fired at {seconds(at_ms)}" for at_ms in rule.fired_at_ms]
    refused = [f"refused: {why}" for why in rule.refused]
    SubElement(case, "system-out").text = "\n".join([*fired, *refused])

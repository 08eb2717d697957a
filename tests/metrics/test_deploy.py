"""The dashboard and the alert rules name metrics that exist, and every alert has its line in the runbook."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from twinport.metrics.names import OF_PROCESSES, OF_THE_DEPLOYMENT
from twinport.metrics.values import Kind, Metric

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RULE_TESTS = RULES.with_name("alerts_test.yaml")
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "twinport.json").read_text())
PAGE = (ROOT / "docs" / "how-to" / "metrics.md").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
PROMTOOL = shutil.which("promtool")


def series_of(metric: Metric) -> set[str]:
    """Return the names under which the samples of a metric are stored."""
    if metric.kind is Kind.HISTOGRAM:
        return {f"{metric.name}_{part}" for part in ("bucket", "count", "sum")}
    return {metric.name}


LABELS = {name: metric.labels for metric in (*OF_PROCESSES, *OF_THE_DEPLOYMENT) for name in series_of(metric)}


def named(text: str) -> set[str]:
    return set(re.findall(r"\btwinport_\w+", text))


def test_every_metric_of_the_dashboard_exists() -> None:
    assert named(json.dumps(DASHBOARD)) - LABELS.keys() == set()


def test_every_metric_is_on_the_dashboard() -> None:
    shown = named(" ".join(EXPRESSIONS))
    assert [each.name for each in (*OF_PROCESSES, *OF_THE_DEPLOYMENT) if not series_of(each) & shown] == []


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_dashboard_groups_by_labels_that_the_metrics_have(expression: str) -> None:
    grouped = {label.strip() for found in re.findall(r"by \(([^)]*)\)", expression) for label in found.split(",")}
    have = {"le", "process", *(label for name in named(expression) for label in LABELS[name])}
    assert grouped <= have


def test_every_metric_of_the_alerts_exists() -> None:
    assert named(RULES.read_text() + RULE_TESTS.read_text()) - LABELS.keys() == set()


def test_every_alert_has_one_line_in_the_runbook_and_every_line_its_alert() -> None:
    assert re.findall(r"^\| (Twinport\w+) \| \S.* \| \S.* \|$", PAGE, re.MULTILINE) == ALERTS


def test_every_alert_is_tested_to_fire_and_not_to_fire() -> None:
    tests = RULE_TESTS.read_text()
    quiet = re.findall(r"alertname: (\w+), exp_alerts: \[\]", tests)
    firing = re.findall(r"- name: (\w+) fires", tests)
    assert (sorted(quiet), sorted(firing)) == (sorted(ALERTS), sorted(ALERTS))


@pytest.mark.parametrize("command", [["check", "rules", RULES.name], ["test", "rules", RULE_TESTS.name]], ids=" ".join)
def test_promtool_accepts_the_rules_and_their_tests_pass(command: list[str]) -> None:
    if PROMTOOL is None and "TWINPORT_CI" not in os.environ:
        pytest.skip("promtool is missing: .ci/install-clients installs it with Debian's package 'prometheus'")
    assert PROMTOOL, "promtool is missing, and in CI it must be there"
    ended = subprocess.run([PROMTOOL, *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr

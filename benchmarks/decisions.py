"""How many decisions a second the evaluator makes, over policies of 1, 10 and 50 statements, and how long one may take.

python benchmarks/decisions.py [SECONDS]

Every statement is about the action that is asked for, and only the last one allows, so all are looked at; half have a
condition. The goal is 20 µs a decision over 50 statements. Then come policies that spend all the steps of a decision.
Processor time is counted, since machines have other things to do.
"""

import json
import sys
import time

from twinport.model.identities import PrincipalKind
from twinport.model.names import AccountId
from twinport.policies.documents import PolicyKind, parse
from twinport.policies.evaluate import Allowed, AuthorizationRequest, Denied, Policies, decide
from twinport.policies.grants import Identity
from twinport.policies.steps import MOST_STEPS

ACCOUNT = AccountId("111122223333")
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
CALLER = Identity(PrincipalKind.USER, ACCOUNT, ALICE, ALICE, "AIDAALICEALICEALICEA")
GOAL_US = 20
STATEMENTS = (1, 10, 50)


def document(statements: int) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement(number) for number in range(statements)]})


def statement(number: int) -> dict[str, object]:
    condition = {"StringEquals": {"aws:PrincipalTag/team": "blue"}} if number % 2 else {}
    resource = f"arn:aws:ecr:*:{ACCOUNT}:repository/team{number}/*"
    return {
        "Sid": f"Team{number}",
        "Effect": "Allow",
        "Action": ["ecr:PutImage", "ecr:Batch*"],
        "Resource": resource,
        "Condition": condition,
    }


def microseconds(statements: int, seconds: float) -> float:
    """Decide for `seconds` of processor time, each time about another repository."""
    policies = Policies(identity=(parse(document(statements), PolicyKind.IDENTITY),))
    where = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team{statements - 1}"
    context = {"aws:principaltag/team": ("blue",)}
    requests = [
        AuthorizationRequest(CALLER, "ecr:PutImage", f"{where}/{number}", ACCOUNT, context) for number in range(1000)
    ]
    if not all(isinstance(decide(request, policies), Allowed) for request in requests):
        raise AssertionError("the last statement must allow every one of them")
    made, began = 0, time.process_time()
    while (took := time.process_time() - began) < seconds:
        for request in requests:
            decide(request, policies)
        made += len(requests)
    return took / made * 1e6


HOSTILE: dict[str, dict[str, object]] = {
    "question marks": {"StringLike": {"aws:UserAgent": ["*" + "a?" * 200 + "b*"] * 100}},
    "stars": {"StringLike": {"aws:UserAgent": ["*a" * 200 + "*b*"] * 100}},
    "variables": {"StringLike": {"aws:UserAgent": ["*?${aws:username}*?b"] * 200}},
    "arns": {"ArnLike": {"aws:PrincipalArn": ["*a*:a:a:a:a:${aws:username}?"] * 100}},
    "numbers": {"NumericEquals": {"sts:DurationSeconds": ["1"] * 5_000}},
    "networks": {"IpAddress": {"aws:SourceIp": ["1.1.1.1"] * 4_000}},
}
CONTEXT = {
    "aws:useragent": ("a" * 1_024,),
    "aws:username": ("a",),
    "aws:principalarn": ("a" * 1_000 + ":a:a:a:a:b",),
    "sts:durationseconds": ("12345678901234567890.123456789",),
    "aws:sourceip": ("2001:db8::1",),
}


def milliseconds(condition: dict[str, object]) -> float:
    """Return how long a decision without an end takes, at its quickest of twenty."""
    listed = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    one = parse(json.dumps({"Version": "2012-10-17", "Statement": listed}), PolicyKind.IDENTITY)
    request = AuthorizationRequest(
        CALLER, "ecr:PutImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team", ACCOUNT, CONTEXT
    )
    policies = Policies(identity=(one,) * 20)
    decision = decide(request, policies)
    if not (isinstance(decision, Denied) and decision.is_undecided):
        raise AssertionError("there are steps left")
    took = []
    for _ in range(20):
        began = time.process_time()
        decide(request, policies)
        took.append((time.process_time() - began) * 1e3)
    return min(took)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    for statements in STATEMENTS:
        each = microseconds(statements, seconds)
        goal = f"   goal {GOAL_US} µs" if statements == STATEMENTS[-1] else ""
        print(f"{statements:3} statements   {each:6.1f} µs a decision   {1e6 / each:9,.0f} decisions/s{goal}")
    for name, condition in HOSTILE.items():
        print(f"{name:14}   {milliseconds(condition):6.2f} ms until the {MOST_STEPS:,} steps are spent")


if __name__ == "__main__":
    main()

"""How many decisions a second the evaluator makes, over policies of 1, 10 and 50 statements.

python benchmarks/decisions.py [SECONDS]

Every statement is about the action that is asked for, and only the last one allows, so all are looked at; half have a
condition. The goal is 20 µs a decision over 50 statements. Processor time is counted, since machines have other things
to do.
"""

import json
import sys
import time

from twinport.access.evaluate import Allowed, Policies, Question, decide
from twinport.access.grants import Identity
from twinport.access.policy import PolicyKind, parse
from twinport.model.identities import PrincipalKind
from twinport.model.names import AccountId

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
    questions = [Question(CALLER, "ecr:PutImage", f"{where}/{number}", ACCOUNT, context) for number in range(1000)]
    if not all(isinstance(decide(question, policies), Allowed) for question in questions):
        raise AssertionError("the last statement must allow every one of them")
    made, began = 0, time.process_time()
    while (took := time.process_time() - began) < seconds:
        for question in questions:
            decide(question, policies)
        made += len(questions)
    return took / made * 1e6


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    for statements in STATEMENTS:
        each = microseconds(statements, seconds)
        goal = f"   goal {GOAL_US} µs" if statements == STATEMENTS[-1] else ""
        print(f"{statements:3} statements   {each:6.1f} µs a decision   {1e6 / each:9,.0f} decisions/s{goal}")


if __name__ == "__main__":
    main()

"""The policy language and the decision: pure and bounded, without a database, a clock or randomness.

`evaluate` decides and `documents` parses; `conditions`, `grants` and `wildcards` (by `globs`) match one element each;
`steps` bounds what one decision may cost; `explanation` says why. Loading what applies is the work of
twinport.access.policy_gate. May import `aws` and lower layers.
"""

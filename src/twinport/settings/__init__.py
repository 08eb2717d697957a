"""The settings: a TOML file, then the environment, then the command line.

Start with `Settings` in `loading`: one field declares a setting, with its parser from `parsers`. `sources` reads the
file and the environment. `deviations` is the closed list of ways in which twinport may follow Amazon ECR instead of a
standard, and has the quotas. May import `egress` and lower layers.
"""

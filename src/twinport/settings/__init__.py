"""The settings: a TOML file, then the environment, then the command line.

`loading` reads and checks them, and has the class `Settings`. `deviations` is the closed list of ways in which
twinport may follow Amazon ECR instead of a standard. May import `egress` and lower layers.
"""

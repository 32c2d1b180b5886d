"""The command line: one module a command, imported when it is asked for.

A command declares its options, makes of them the frozen request that stands beside the function which carries it out,
and returns that function's exit code: `run(SomeRequest(**values))`. It computes nothing itself, so that whoever uses
speech3n as a library can ask for the same. What takes no more than names (`models list`, `path`) prints what the
library returns.
"""

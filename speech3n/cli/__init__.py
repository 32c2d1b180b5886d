"""The command line: one module a command, imported when it is asked for.

Every command makes of its options the frozen request that stands beside the library function which carries it out,
calls that function, prints what comes of it and returns the exit code: `result = do(SomeRequest(**values))`. Nothing
is computed here and nothing printed there, so that a program can ask for the same; what is told meanwhile goes to a
reporter that the command hands over. What takes no more than names (`models list`, `models path`) needs no request.
"""

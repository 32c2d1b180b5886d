"""What can be evaluated, each opened in a process of its own."""

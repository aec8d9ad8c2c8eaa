"""Our tables and the questions we ask them, one module a subject."""

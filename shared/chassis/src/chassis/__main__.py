"""`python -m chassis` is the same as `depesha`."""

from chassis.commands import main

main()

"""`python -m service`: the same as `liverwatch`."""

from service.cli import main

main()

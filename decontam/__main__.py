"""`python -m decontam`."""

import sys

from decontam.command import main

if __name__ == "__main__":
    sys.exit(main())

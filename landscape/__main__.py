"""`python -m landscape` runs the command `landscape`."""

from landscape.commands import main

if __name__ == "__main__":
    main()

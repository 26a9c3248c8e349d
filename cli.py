"""Run the commands from a checkout: `python cli.py scan model.npz`."""

from landscape.commands import main

if __name__ == "__main__":
    main()

"""Run the commands as a module: `python -m landscape scan model.npz`."""

from landscape.commands import main

if __name__ == "__main__":
    main()

"""Draw the figure of this name: `python figures/normalization.py [--quick] [--output FILE.png]`."""

from landscape.gallery.script import main

if __name__ == "__main__":
    main(__file__)

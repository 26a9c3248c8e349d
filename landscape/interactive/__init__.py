"""A surface as one interactive page that needs no network."""

from landscape.interactive.page import page_of, save_page, shown

__all__ = ["page_of", "save_page", "shown"]

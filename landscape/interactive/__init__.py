"""A surface as one page that needs no network: turned, zoomed and read with pointer, touch or keyboard."""

from landscape.interactive.page import page_of, save_page, shown

__all__ = ["page_of", "save_page", "shown"]

"""With real frameworks, each where it is installed: `pip install -e ".[integrations]"`."""

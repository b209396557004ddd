"""`python -m exportimage_wsgi`: the command, where its script isn't on the path."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="exportimage-wsgi")

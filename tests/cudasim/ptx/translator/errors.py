"""What a translation can fail with."""


class Unsupported(Exception):
    """An instruction, or a form of it, that the translator does not know."""

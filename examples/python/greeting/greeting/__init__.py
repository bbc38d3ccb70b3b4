"""How this tool greets."""


def hello(name):
    """Returns the greeting for name."""
    return f"Hello from {name}"

"""The parser -> docs/commands.md, so that the page cannot say anything else than `--help` does."""

import os
import sys
from pathlib import Path

from fieldmark.cli import build_parser

HEAD = """# Commands

Made by `python docs/commands.py` from the commands themselves.

Exit codes: 0 done, 1 a failure that a sentence explains, 2 wrong usage, 130 stopped by Ctrl-C. With `--json` the one
JSON document goes to stdout and everything else to stderr.
"""


def page() -> str:
    """Return the page: the help of every command."""
    os.environ["COLUMNS"] = "100"
    parser = build_parser()
    (commands,) = (action for action in parser._actions if action.dest == "command")
    blocks = [("fieldmark", parser), *((f"fieldmark {name}", sub) for name, sub in commands.choices.items())]
    return HEAD + "".join(f"\n## {name}\n\n```\n{sub.format_help().strip()}\n```\n" for name, sub in blocks)


if __name__ == "__main__":
    target = Path(__file__).with_name("commands.md")
    target.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {target.name}\n")

"""The pages of the gallery, one an example, in docs/gallery: `python docs/make_gallery.py`; `--run` runs the examples for their pictures first.

Pictures and texts that an earlier run left are shown again.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "docs" / "gallery"

PAGE = """# {title}

```text
{rest}
```
{pictures}{printed}
## Code

```{{literalinclude}} ../../examples/{name}.py
:language: python
:lines: {code}-
```
"""

INDEX = """# Gallery

Scripts to run and read; each takes `--help`.{hint}

```{{toctree}}
:maxdepth: 1

{pages}
```
"""

HINT = " `make docs GALLERY=1` runs them, some minutes, and shows their pictures here."


def run(example: Path) -> None:
    """Run an example; what it prints and draws goes to a folder of its name."""
    folder = GALLERY / example.stem
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(example), "--out", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "MPLBACKEND": "Agg"}
    )
    (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")


def page(example: Path) -> str:
    """The page of an example: its docstring, what an earlier run left, its code."""
    module = ast.parse(example.read_text(encoding="utf-8"))
    title, _, rest = (ast.get_docstring(module) or example.stem).partition("\n")
    folder = GALLERY / example.stem
    pictures = "".join(f"\n![{each.stem}]({example.stem}/{each.name})\n" for each in sorted(folder.glob("*.png")))
    is_there = (folder / "printed.txt").exists()
    printed = f"\n## What it prints\n\n```{{literalinclude}} {example.stem}/printed.txt\n:language: text\n```\n"
    return PAGE.format(
        title=title.rstrip("."),
        rest=rest.strip(),
        pictures=pictures,
        printed=printed * is_there,
        name=example.stem,
        code=module.body[1].lineno,
    )


def main() -> None:
    """Write the pages; with `--run`, run the examples."""
    GALLERY.mkdir(parents=True, exist_ok=True)
    examples = sorted((ROOT / "examples").glob("[0-9]*.py"))
    for example in examples:
        if "--run" in sys.argv:
            run(example)
        (GALLERY / f"{example.stem}.md").write_text(page(example), encoding="utf-8")
    hint = "" if any(GALLERY.glob("*/printed.txt")) else HINT
    index = INDEX.format(hint=hint, pages="\n".join(example.stem for example in examples))
    (GALLERY / "index.md").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    main()

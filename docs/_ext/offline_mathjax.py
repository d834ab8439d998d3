"""MathJax as a part of the site: formulas need no network.

The package ``sphinx-mathjax-offline`` holds MathJax 3. Of its 15 MB the site gets the one file that
reads TeX and draws SVG, whose letters are outlines, so that no fonts are loaded.
"""

import importlib.util
import shutil
from pathlib import Path

SCRIPT = "tex-svg-full.js"


def _copy(app, error):
    if error is None and app.builder.format == "html":
        package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
        folder = Path(app.outdir) / "_static" / "mathjax"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / "static" / "mathjax" / SCRIPT, folder / SCRIPT)


def setup(app):
    """Set the path of MathJax and copy it once the pages are written."""
    app.setup_extension("sphinx.ext.mathjax")
    app.config.mathjax_path = f"mathjax/{SCRIPT}"
    # The menu and the explorer would load further files.
    app.config.mathjax3_config = {"options": {"enableMenu": False}, "svg": {"fontCache": "local"}}
    app.connect("build-finished", _copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

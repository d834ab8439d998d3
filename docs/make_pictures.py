"""Draw the picture of the README, ``python docs/make_pictures.py`` from the root of the repository.

It is the figure that the README's code leaves open, so that the picture and the code agree. The
pictures of the site are drawn when the site is built.
"""

import contextlib
import io
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

HERE = Path(__file__).parent


def of_readme(path=HERE / "pictures" / "comparison_diabetes.png"):
    """Run the README's Python code and save the first figure that it draws."""
    namespace = {"__name__": "readme"}
    text = (HERE.parent / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block, "README.md", "exec"), namespace)
    path.parent.mkdir(exist_ok=True)
    plt.figure(plt.get_fignums()[0]).savefig(path, dpi=110, metadata={"Software": None})
    plt.close("all")


if __name__ == "__main__":
    of_readme()

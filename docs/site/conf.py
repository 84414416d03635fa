"""Sphinx's settings for the site. tools/build_docs stages the pages and calls sphinx-build with this file."""
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, os.environ["METAPLASTIC_PYTHON_PATH"])
_cmake = (pathlib.Path(__file__).parents[2] / "CMakeLists.txt").read_text(encoding="utf-8")

project = "Metaplastic"
author = "The Metaplastic authors"
project_copyright = author
version = release = re.search(r"project\(metaplastic VERSION ([\d.]+)", _cmake)[1]

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "breathe", "sphinx_copybutton", "katex_math"]
root_doc = "index"
exclude_patterns = ["repository/**"]
language = "en"
nitpicky = False

# Debian's furo has no style for dark mode; these are the colours of its own source.
DARK = {
    "color-problematic": "#ee5151",
    "color-foreground-primary": "#ffffffcc",
    "color-foreground-secondary": "#9ca0a5",
    "color-foreground-muted": "#81868d",
    "color-foreground-border": "#666666",
    "color-background-primary": "#131416",
    "color-background-secondary": "#1a1c1e",
    "color-background-hover": "#1e2124ff",
    "color-background-hover--transparent": "#1e212400",
    "color-background-border": "#303335",
    "color-background-item": "#444",
    "color-announcement-background": "#000000dd",
    "color-announcement-text": "#eeebee",
    "color-brand-primary": "#2b8cee",
    "color-brand-content": "#368ce2",
    "color-highlighted-background": "#083563",
    "color-guilabel-background": "#08356380",
    "color-guilabel-border": "#13395f80",
    "color-api-keyword": "var(--color-foreground-secondary)",
    "color-highlight-on-target": "#333300",
    "color-admonition-background": "#18181a",
    "color-card-border": "var(--color-background-secondary)",
    "color-card-background": "#18181a",
    "color-card-marginals-background": "var(--color-background-hover)",
}
html_theme = "furo"
html_title = f"Metaplastic {release}"
html_static_path = [str(pathlib.Path(__file__).parent / "static")]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "dark_css_variables": DARK}

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True
suppress_warnings = ["myst.header"]  # a page may start below the first level of headings

autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

breathe_projects = {"metaplastic": os.environ["METAPLASTIC_DOXYGEN_XML"]}
breathe_default_project = "metaplastic"
copybutton_prompt_text = "$ "

# A page of the site alone: without it, `linkcheck` would ask for every number of a version.
linkcheck_ignore = [r"https://doi\.org/.*"]  # redirects that refuse robots

# "name: what it is" at the start of a line, in docstrings, opens the description of a parameter.
_PARAMETER = re.compile(r"^([a-z_]\w*(?:, [a-z_]\w*)*): (.*)")


def describe_parameters(_app, _what, _name, _object, _options, lines):
    """The project's plain docstrings as field lists."""
    out, inside = [], False
    for line in lines:
        found = _PARAMETER.match(line)
        if found:
            if not inside:
                out.append("")
            out.append(f":{found[1]}: {found[2]}")
            inside = True
            continue
        if inside and line and not line.startswith(" "):
            out.append("")
            inside = False
        out.append(line)
    lines[:] = out


def setup(app):
    app.connect("autodoc-process-docstring", describe_parameters)

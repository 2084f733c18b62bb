"""How Sphinx builds the site. ``python docs`` runs it; warnings are errors."""

import os
import sys
import sysconfig
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
os.environ.setdefault("MPLBACKEND", "Agg")
# The command of this Python, also where its environment isn't activated.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
os.environ["COLUMNS"] = "90"

import ibmea_sklearn  # noqa: E402

project = "ibmea_sklearn"
author = "The ibmea_sklearn developers"
copyright = f"2026, {author}"  # noqa: A001
version = release = ibmea_sklearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",  # hides the set-up of pages; tests/test_docs.py runs their code
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.programoutput",
    "docstrings",
    "mathml",
    "references",
]
exclude_patterns = ["_build", "_figures", "README.md"]
templates_path = ["_templates"]
nitpicky = True
show_warning_types = True
smartquotes = False  # "all" is to be copied as it is
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 88

# -- Pages ----------------------------------------------------------------------------------------
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# What this site links to, of the 100,000 names of that project: no build depends on its server.
intersphinx_mapping = {"sklearn": ("https://scikit-learn.org/stable/", "_inventories/sklearn.inv")}

# -- Reference ------------------------------------------------------------------------------------
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # shapes and units stand in the docstrings
autodoc_member_order = "bysource"
add_module_names = True
python_display_short_literal_types = True
numpydoc_show_class_members = False  # the templates list them
numpydoc_attributes_as_param_list = True
numpydoc_validation_checks = {
    "all",
    "ES01",  # a summary may say it all
    "EX01",  # the example of a class shows methods; tests/test_reference.py asks for it
    "SA01",  # not everything has relatives
    "PR01",  # what scikit-learn writes; tests/test_reference.py asks for ours
    "PR04",  # n_layers, n_heads: parameters that are told together
    "PR07",  # a name may say it all: random_state
    "PR08",  # lambda_1 has no capital letter
    "RT01",  # as PR01
    "RT02",  # what scikit-learn writes into set_fit_request
    "RT03",  # "self" needs no further word
    "SS05",  # a loss that "measures" is no command
    "YD01",  # a context manager yields nothing
}

# -- Gallery --------------------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/\d\d_",
    "doc_module": ("ibmea_sklearn",),
    "reference_url": {"ibmea_sklearn": None},
    "backreferences_dir": "gallery/uses",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,
    "only_warn_on_example_error": False,
}

# -- Look -----------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "ibmea_sklearn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "ibmea_sklearn"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 5,
    "show_nav_level": 1,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {
    "index": [],
    "getting_started": [],
    "pitfalls": [],
    "glossary": [],
    "benchmarks": [],
    "benchmark_tables": [],
    "paper_tables": [],
    "comparison_tables": [],
    "changes": [],
}
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

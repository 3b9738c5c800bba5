# Recipes for everyday work, run by ./justw RECIPE (or by just itself inside .venv).

export PATH := justfile_directory() / ".venv/bin" + ":" + env("PATH")

# Validate, plan and apply the example into an OCI layout under .demo, and show that nothing is left to do
demo:
    rm -rf .demo && mkdir .demo
    regsync validate examples/registries/demo.yaml
    regsync plan --out .demo/plan.json examples/registries/demo.yaml
    regsync apply .demo/plan.json
    @echo "Once more: exit code 0 under --detailed-exitcode says that the plan is empty."
    regsync plan --detailed-exitcode examples/registries/demo.yaml

# Run the test suite; arguments go to pytest
test *arguments:
    pytest {{ arguments }}

# Check style, types and the arrows between the rooms
lint:
    ruff check
    ruff format --check
    mypy
    lint-imports

# Build the site of docs/ into .site and check every link in it; nothing is loaded from elsewhere
docs:
    NO_MKDOCS_2_WARNING=true python -m mkdocs build --strict

# Write the pages of docs/ anew that come from the program, its schemas and the examples
pages:
    python -m tools.pages

# Build the real servers and clients that the tests use into .tools
tools:
    python tools/build_tools.py
    python tools/install_prism.py

# Measure regsync side by side with tar and oras
bench *arguments:
    python bench/run.py {{ arguments }}

# Format the code and mend what can be mended by rule
fmt:
    ruff check --fix
    ruff format

# Write the golden texts anew from what the program prints; read the diff before you commit it
golden *arguments:
    pytest --update-golden {{ arguments }}

# Remove what recipes made, except .venv and .tools
clean:
    rm -rf .demo .bench .site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

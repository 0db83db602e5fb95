"""How the published weights were made: one module for each, run as `python -m course_lib.recipes.name`."""

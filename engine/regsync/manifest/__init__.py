"""From YAML files to declarations, with the position of everything; knows no registry and reads no pack.

`load` reads manifests, `variables` what their templates may look up, `schema` the JSON Schemas that stand behind
them, `codes` the findings that this room reports.
"""

"""Holds Kubernetes' objects against the schemas of their kinds, unknown members among what is wrong, and prints them as a JSON list.

usage: manifests.py SCHEMA_OF_INFERENCE_POOL FILE...
"""
import json
import sys

import jsonschema
import kubernetes_validate
import yaml

with open(sys.argv[1]) as file:
    pool = json.load(file)

objects = []
for path in sys.argv[2:]:
    with open(path) as file:
        objects += [one for one in yaml.safe_load_all(file) if one]
for one in objects:
    if one.get("kind") == "InferencePool":
        jsonschema.validate(one, pool)
    elif "kind" in one:  # else it is no object of Kubernetes'
        kubernetes_validate.validate(one, "1.33", strict=True)
print(json.dumps(objects))

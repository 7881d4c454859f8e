#!/usr/bin/env python3
"""Holds Kubernetes manifests against their schemas, unknown fields included: manifests.py [--crds FOLDER] FILE...

Kubernetes' own kinds have schemas in the package kubernetes-validate. Those of KubeRay are in its custom resource definitions (helm-chart/kuberay-operator/crds of
its repository), for --crds; without them the pods in its manifests are looked at alone. Secrets that a manifest names must be in the README beside it.
"""
import argparse
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

VERSION = kubernetes_validate.latest_version()


def strict(schema):
    """The schema, with fields refused that it does not know."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: strict(v) for k, v in schema.items()}
    known = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if known and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        out["additionalProperties"] = False
    return out


def definitions(folder):
    """Schemas of custom kinds, by apiVersion and kind."""
    out = {}
    for path in sorted(pathlib.Path(folder).glob("*.yaml")) if folder else []:
        crd = yaml.safe_load(path.read_text())
        for version in crd["spec"]["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            # Every object has these, and what is in them is not the definition's.
            schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
            out[f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]] = schema
    return out


def pods(value):
    """Pod templates, wherever they are."""
    if isinstance(value, dict):
        if "containers" in value.get("template", {}).get("spec", {}):
            yield value["template"]
        for below in value.values():
            yield from pods(below)
    elif isinstance(value, list):
        for below in value:
            yield from pods(below)


def check(document, custom):
    """What it was held against."""
    kind = document["apiVersion"], document["kind"]
    if not kind[0].endswith("ray.io/v1"):
        kubernetes_validate.validate(document, VERSION, strict=True)
        return f"Kubernetes {VERSION}"
    if kind in custom:
        jsonschema.Draft7Validator(custom[kind]).validate(document)
    for pod in pods(document):
        metadata = {"name": "pod"} | pod.get("metadata", {})
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod["spec"]}, VERSION, strict=True)
    return "its definition, and its pods" if kind in custom else "its pods alone"


def secrets(value):
    """Names of secrets."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("secretKeyRef", "secretRef"):
                yield below["name"]
            elif key == "secretName":
                yield below
            else:
                yield from secrets(below)
    elif isinstance(value, list):
        for below in value:
            yield from secrets(below)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crds", metavar="FOLDER")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    a = parser.parse_args()
    custom, wrong = definitions(a.crds), 0
    for path in a.files:
        readme = (path.parent / "README.md").read_text()
        for document in yaml.safe_load_all(path.read_text()):
            name = f"{path.name}: {document['kind']} {document['metadata']['name']}"
            try:
                by = check(document, custom)
                missing = {s for s in secrets(document) if f"secret generic {s} " not in readme}
                if missing:
                    raise ValueError(f"README.md does not say how to make {', '.join(sorted(missing))}")
                print(f"ok      {name}: {by}")
            except (kubernetes_validate.ValidationError, jsonschema.ValidationError, ValueError) as e:
                wrong += 1
                print(f"FAILED  {name}: {getattr(e, 'message', e)}")
    sys.exit(wrong != 0)


main()

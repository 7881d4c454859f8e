#!/usr/bin/env python3
"""Holds files against rubrics of the C2PA: rubric.py RUBRIC.yml... FILE...

A rubric is a list of criteria over crJSON, written in json-formula, as in the folder asset-rubrics
of c2pa-org/conformance-public. crJSON is made by PyPI's c2pa-python, the expressions evaluated by
npm's @adobe/json-formula; scripts/readers.py installs both. A rubric of signals says what each
manifest of a file tells, which is no matter of passing. Exits with 1 where a criterion fails.
"""
import argparse
import json
import pathlib
import re
import sys
import tempfile

from readers import ask, prepare, question


class Rubric:
    def __init__(self, path, work):
        first, *rest = ask(work, "yaml", path.read_text())
        self.name = first["rubric_metadata"]["name"]
        self.criteria = [c for part in rest for c in part if "expression" in c]
        for criterion in self.criteria:
            criterion["unseen"] = criterion["expression"].strip()
        self.variables = first.get("variables") or {}
        self.expressions = first.get("expressions") or {}
        version = re.search(r"spec(\d+\.\d+)", path.name)
        if version:
            self.variables["$expected_spec_version"] = version[1]
        self.signals = any(":signal_" in c["id"] for c in self.criteria)

    @staticmethod
    def word(criterion):
        return "warn" if criterion.get("warnIfMatched") else "FAIL"

    def over(self, data):
        """The question for the evaluator."""
        return {"variables": self.variables, "expressions": self.expressions, "data": data,
                "statements": [c["expression"] for c in self.criteria]}


def holds(criterion, value):
    """Whether a criterion holds, as its rubric's own evaluator decides."""
    if criterion.get("failIfMatched") or criterion.get("warnIfMatched"):
        return not (isinstance(value, list) and value)
    if isinstance(value, list):
        return bool(value)
    return value > 0 if isinstance(value, (bool, int, float)) else value is not None


def reason(criterion, answer):
    """Why it does not hold, in the rubric's words."""
    if "error" in answer:
        return answer["error"]
    found = answer["value"] if isinstance(answer["value"], list) else []
    text = criterion["reportText"]["false"]["en"]
    matches = ", ".join(m if isinstance(m, str) else json.dumps(m) for m in found)
    return text.replace("{{matches}}", matches)


def report(rubric, name, answers, every):
    """Prints what fails of a file, or every criterion, and tells how many fail."""
    told = list(zip(rubric.criteria, answers))
    good = [c["id"] for c, a in told if "error" not in a and holds(c, a["value"])]
    if rubric.signals:
        print(f"{name}: {', '.join(id.split('_', 1)[1] for id in good) or 'no signal'}")
        return sum("error" in a for a in answers)
    print(f"{name}: {len(good)} of {len(told)}")
    for criterion, answer in told:
        if criterion["id"] in good:
            print(f"  pass {criterion['id']}\n" if every else "", end="")
            continue
        print(f"  {rubric.word(criterion)} {criterion['id']}: {reason(criterion, answer)}")
        # The expression is printed where it fails first.
        for line in criterion.pop("unseen", "").splitlines():
            print(f"         {line}")
    return sum(c["id"] not in good and rubric.word(c) == "FAIL" for c in rubric.criteria)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--all", action="store_true", help="print the criteria that hold, too")
    parser.add_argument("--roots", type=pathlib.Path, help="authorities to trust, for integrity")
    parser.add_argument("--work", type=pathlib.Path, help="folder that holds what is installed")
    options = parser.parse_args()
    work = (options.work or pathlib.Path(tempfile.gettempdir()) / "proofmark-readers").resolve()
    prepare(work)
    rubrics = [Rubric(path, work) for path in options.files if path.suffix == ".yml"]
    files = [path for path in options.files if path.suffix not in (".yml", ".c2pa")]
    roots = options.roots and str(options.roots)
    stores = ask(work, "crjson", [question(path, roots) for path in files])
    failed = 0
    for rubric in rubrics:
        print(f"\n{rubric.name}, {len(rubric.criteria)} criteria")
        asked = []
        for path, store in zip(files, stores):
            if isinstance(store, str):
                print(f"{path.name}: {store}")
                failed += 1
            elif rubric.signals:
                manifests = store["manifests"]
                asked += [(f"{path.name} {i + 1}", m) for i, m in enumerate(manifests)]
            else:
                asked.append((path.name, store))
        answers = ask(work, "rubric", [rubric.over(data) for _, data in asked])
        failed += sum(report(rubric, name, a, options.all) for (name, _), a in zip(asked, answers))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Reads files with one of PyPI's readers of C2PA: read.py READER, files as JSON in, answers out.
With yaml for READER it takes the text of a YAML file, and answers with its documents.

A file is {path, mime, sidecar, roots, segments}: sidecar is the path of a .c2pa file or null, roots
one of certificates (PEM) to trust or null, segments those of which the file is the init segment.
"""
import json
import pathlib
import sys


def codes(found):
    """What fails. A signer that no list names is no fault of the file."""
    return ", ".join(sorted({one["code"] for one in found if not one["code"].endswith("trusted")}))


def bytes_of(path):
    return pathlib.Path(path).read_bytes() if path else None


def c2pa_reader(file):
    import c2pa
    settings = {"verify": {"remote_manifest_fetch": False}}
    if file.get("roots"):
        settings["trust"] = {"user_anchors": pathlib.Path(file["roots"]).read_text()}
    context = c2pa.Context.from_dict(settings)
    stream = open(file["path"], "rb")
    return c2pa.Reader(file["mime"], stream, bytes_of(file["sidecar"]), context=context)


def c2pa_answer(reader):
    store = json.loads(reader.json())
    found = codes(store.get("validation_status") or [])
    state = store.get("validation_state", "no state")
    return "Valid" if state in ("Valid", "Trusted") and not found else found or state


def c2pa_python(file):
    """What c2pa-rs says by its Python package."""
    answers = []
    for segment in file["segments"]:
        init, part = open(file["path"], "rb"), open(segment, "rb")
        answers.append(c2pa_answer(c2pa_reader(file).with_fragment(file["mime"], init, part)))
    answers = answers or [c2pa_answer(c2pa_reader(file))]
    return next((a for a in answers if a != "Valid"), "Valid")


def crjson(file):
    """The manifests as crJSON, over which the rubrics are written."""
    return json.loads(c2pa_reader(file).crjson())


def encypher(file):
    import encypher_c2pa
    if file["mime"] not in encypher_c2pa.supported_mime_types():
        return "not a kind it reads"
    if file["segments"]:
        segments = [bytes_of(path) for path in file["segments"]]
        report = json.loads(encypher_c2pa.verify_fragmented_bytes(
            bytes_of(file["path"]), segments, file["mime"], "{}"))
        # Its leaves are without the places of boxes, which those of c2pa-rs have in them; and of
        # several trees it holds each against the one init segment.
        failed = {f["explanation"].split(": ")[-1] for f in report["validation_results"]["failure"]
                  if not f["code"].endswith("trusted")}
        otherwise = {"merkle leaf does not derive the stored row hash",
                     "init segment bytes altered"}
        if failed and failed <= otherwise:
            return "hashes segments otherwise"
        return "; ".join(failed) or "Valid"
    report = encypher_c2pa.verify(
        bytes(bytes_of(file["path"])), file["mime"], manifest_store=bytes_of(file["sidecar"]),
        online=False, telemetry=False)
    found = codes(report["validation_results"]["failure"])
    return "Valid" if report["integrity"] == "valid" and not found else found or report["integrity"]


READERS = {"c2pa-python": c2pa_python, "encypher-c2pa": encypher, "crjson": crjson}


def read(reader, file):
    try:
        return READERS[reader](file)
    except Exception as error:  # each package has errors of its own
        return f"error: {type(error).__name__}: {error}"


def documents(text):
    """The documents of a YAML file, as JSON."""
    import yaml
    return json.loads(json.dumps(list(yaml.safe_load_all(text)), default=str))


if __name__ == "__main__":
    what, asked = sys.argv[1], json.load(sys.stdin)
    answers = documents(asked) if what == "yaml" else [read(what, file) for file in asked]
    json.dump(answers, sys.stdout)

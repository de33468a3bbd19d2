#!/bin/bash
# openapi-python-client 0.29.1: of a property that is `anyOf: [boolean, {const: "fresh"}]`, the generated model checks the constant
# alone. from_dict raises ValueError ("must match const 'fresh', got 'True'") for true and false, which the document allows, in
# either order of the two. With `enum: ["fresh"]` in place of the constant the same values are read.
# Exits non-zero if true is read beside a constant, or is refused beside an enumeration.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openapi-python-client==0.29.1
export PATH="$folder/venv/bin:$PATH"
cat > "$folder/look.py" <<'PYTHON'
import json, pathlib, subprocess, sys

folder = pathlib.Path(sys.argv[1])
USE = """
import importlib, pkgutil, sys
models = importlib.import_module(next(m.name for m in pkgutil.iter_modules(["."]) if m.name.endswith("_client")) + ".models")
print(models.Job.from_dict({"build": True}).build)
"""


def read_true(name, word):
    job = {"type": "object", "required": ["build"], "properties": {"build": {"anyOf": [{"type": "boolean"}, word]}}}
    answer = {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "1"},
        "paths": {"/job": {"get": {"operationId": "job", "responses": {"200": answer}}}},
        "components": {"schemas": {"Job": job}},
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    generate = ["openapi-python-client", "generate", "--path", path, "--output-path", folder / name]
    subprocess.run(generate, check=True, capture_output=True)
    done = subprocess.run([sys.executable, "-c", USE], cwd=folder / name, capture_output=True, text=True)
    print(f"{name}: {done.stdout.strip() or done.stderr.strip().splitlines()[-1]}")
    return done.returncode == 0


constant = read_true("constant", {"const": "fresh"})
enumeration = read_true("enumeration", {"type": "string", "enum": ["fresh"]})
sys.exit(constant or not enumeration)
PYTHON
"$folder/venv/bin/python" "$folder/look.py" "$folder"

#!/bin/bash
# flask-openapi3 4.3.2: a route with a query model makes the JSON schema of that model anew for each request, to tell which of its fields
# are lists, though the document was made when the route was declared and is not asked for. pydantic keeps no schema either: with forty
# fields a request costs several times as much processor time as with the same model validated by the view itself.
# Exits non-zero unless ten requests make ten schemas with the library, and none if the view validates.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check flask-openapi3==4.3.2 flask==3.1.2 pydantic==2.12.5
cat > "$folder/look.py" <<'PYTHON'
import sys, time

from flask import request
from flask_openapi3 import OpenAPI
from pydantic import BaseModel, create_model

Query = create_model("Query", **{f"field_{n}": (int | None, None) for n in range(40)})
app = OpenAPI("look", doc_ui=False)


@app.get("/by-library")
def by_library(query: Query):
    return {"first": query.field_0}


@app.route("/by-view")
def by_view():
    return {"first": Query.model_validate(request.args.to_dict()).field_0}


made = 0
schema = BaseModel.model_json_schema.__func__


def counted(model, *args, **kwargs):
    global made
    made += 1
    return schema(model, *args, **kwargs)


BaseModel.model_json_schema = classmethod(counted)
found = {}
for path in ("/by-library", "/by-view"):
    made, began = 0, time.process_time()
    for _ in range(10):
        assert app.test_client().get(f"{path}?field_0=7").json == {"first": 7}
    found[path] = made
    print(f"{path}: 10 requests, {made} schemas, {(time.process_time() - began) * 100:.1f} ms of processor time each")
sys.exit(found != {"/by-library": 10, "/by-view": 0})
PYTHON
"$folder/venv/bin/python" "$folder/look.py"

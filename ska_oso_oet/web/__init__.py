"""HTTP in front of the event bus: views translate a request to one command and its reply to HTTP.

The only package that knows Flask. No rule of the OET lives here.
"""

import os

# pydantic looks for plugins in all installed packages, which takes longer than its import; none is wanted.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

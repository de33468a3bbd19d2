"""HTTP in front of the event bus: views translate a request to one command and its reply to HTTP.

The only package that knows Flask. No rule of the OET lives here.
"""

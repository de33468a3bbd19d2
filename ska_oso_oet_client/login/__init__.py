"""The user's identity: logins with an identity provider, and their storage.

The provider speaks OpenID Connect. What a token says is read here only to show it, or because it
came straight from the provider over TLS; whether a token holds is for the OET to judge.
"""

"""Who the user is, for the OET to know: logins with an identity provider, and where they are kept.

The provider speaks OpenID Connect. What a token says is read here only to show it, or because it
came straight from the provider over TLS; whether a token holds is for the OET to judge.
"""

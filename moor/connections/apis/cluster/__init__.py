"""The way to a cluster's API: its kubeconfig, the login, TLS, and a transport that speaks for lightkube.

kubeconfig  a kubeconfig's fields, and the one context of it that is used
chosen      whether that context can be used, by kubectl's rules
plugin      credential plugins (``exec``)
login       what proves who asks, and its renewal
tls         the context of TLS
answers     judging what the other side says
transport   requests, beneath lightkube's client
"""

"""The connection to a cluster's API: its kubeconfig, the login, TLS, and the transport beneath lightkube's client.

kubeconfig   the fields of a kubeconfig, and the context that is used
usability    whether that context can be used, by kubectl's rules
exec_plugin  credential plugins (``exec``)
login        the credential of each request, and its renewal
tls          the TLS context
answers      the check of every answer
transport    requests, beneath lightkube's client
"""

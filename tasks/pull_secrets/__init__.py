"""Pull secrets in the namespaces of the cluster, and in the ServiceAccounts that pull with them."""

from moor.tasks.pull_secrets.place import write_pull_secrets as write_pull_secrets
from moor.tasks.pull_secrets.settings import PullSecrets as PullSecrets

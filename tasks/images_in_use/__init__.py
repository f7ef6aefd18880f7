"""Every image that the cluster names: whether its registry still has it, and whether its pods can pull it.

settings   what is not asked
shapes     the fields of the cluster's objects that count here
usage      who names which image; reduced while lists are read
read       the lists of the cluster
logins     which logins kubelet tries for an image
ask        the registries, each image and login once
judge      what is wrong, in words
examine    the task
"""

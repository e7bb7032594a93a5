# The metadata of a node image; its files come from docker import, which takes no
# STOPSIGNAL.
ARG TREE
FROM ${TREE}
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]

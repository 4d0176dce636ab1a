"""The network between hosts: nodes, links, what happens on links, topologies and their files."""

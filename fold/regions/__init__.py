"""Parallel linear layers that become one."""

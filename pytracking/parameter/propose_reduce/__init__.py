"""Configurations of ProposeReduce."""

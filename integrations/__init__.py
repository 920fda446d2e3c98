"""Adapters of the domain's ports, one package a system, each with one exception tree."""

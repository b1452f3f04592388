"""Serving: trained networks as files of their own, and a web service around them."""

from ._export import export_network
from ._network import ExportedNetwork, load_network
from ._service import create_service

__all__ = ["ExportedNetwork", "create_service", "export_network", "load_network"]

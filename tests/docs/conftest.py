"""The databases of the contract tests."""

from tests.contract.conftest import shared_scene, shared_url

__all__ = ["shared_scene", "shared_url"]

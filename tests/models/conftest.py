"""The databases of the contract tests."""

from tests.contract.conftest import scene, shared_scene, shared_url

__all__ = ["scene", "shared_scene", "shared_url"]

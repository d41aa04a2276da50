"""Runs a module on the host as a node would: for tests, replays and shadow runs off the board."""

from wasmote.runtime.engine import ModuleRefused
from wasmote.runtime.functions import Emission, LogLine
from wasmote.runtime.guest import GuestTrap
from wasmote.runtime.module import HostModule

__all__ = ["Emission", "GuestTrap", "HostModule", "LogLine", "ModuleRefused"]

"""From C (or any WebAssembly) to a bundle that a node installs."""

from wasmote.build.pipeline import BuildResult, build, build_bundle

__all__ = ["BuildResult", "build", "build_bundle"]

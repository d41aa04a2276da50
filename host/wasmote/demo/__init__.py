"""The demo: two boards, one module, a flood forecast, and a swap in the middle. `python -m wasmote.demo`."""

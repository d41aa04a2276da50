"""The way to a node: URLs, ports, SLIP, slipmux, and a CoAP transport that survives a broken link."""

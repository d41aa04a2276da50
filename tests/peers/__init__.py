"""Our CoAP against clients and servers that nobody here wrote."""

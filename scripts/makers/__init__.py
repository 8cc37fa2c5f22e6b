"""One module per generated file: each yields (path from the root, text), reads only sources, and writes nothing."""

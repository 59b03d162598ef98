"""PTX, as nvcc emits it, to C++ that runs on cudasim. parser → flow → emit (with operations/) → module."""

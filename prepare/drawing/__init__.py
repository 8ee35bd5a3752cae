"""The parts that `prepare.drawn_facades` draws a street with: planes, materials, houses, camera."""

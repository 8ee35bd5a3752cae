"""TransVOD Lite: a video detector that mixes the queries of all frames of a clip."""

"""The self-contained HTML page about the detections of one or several runs, part by part."""

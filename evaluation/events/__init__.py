"""Events of solar videos: detections linked over time, and how well true events are found."""

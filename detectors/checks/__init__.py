"""The public conformance test: what a detector must do to work with everything else here."""

from detectors.checks.conformance import check_detector, detector_checks

__all__ = ["check_detector", "detector_checks"]

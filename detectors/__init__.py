"""The zoo: detectors behind the two methods of `detectors.base.Detector`."""

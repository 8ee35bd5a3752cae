"""The configs of this package, found through `hydra.searchpath=[pkg://plugin_detector.conf]`."""

"""The configuration tree, a package so that an installed copy is found (`pkg://conf`)."""

"""Cutouts of AIA frames from JSOC, the archive of SDO: asked for, waited for, fetched, checked."""

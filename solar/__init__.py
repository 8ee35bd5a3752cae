"""Frames of the sun: FITS files of SDO/AIA in, pictures with places on the sky out.

Imports only `structures`. astropy and sunpy are the extra `solar`; nothing that trains a detector
on other data imports this package.
"""

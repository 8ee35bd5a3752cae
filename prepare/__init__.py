"""Raw formats (masks, XML, text, drawn data) to COCO on disk, one command line a format."""

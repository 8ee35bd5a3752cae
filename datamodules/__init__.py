"""COCO files in, batches of clips out."""

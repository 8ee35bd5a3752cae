"""Faster and Mask R-CNN, RetinaNet, FCOS and SSDLite as torchvision has them."""

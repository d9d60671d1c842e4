"""The papers' networks, one file a family, and the layers that Caffe computes differently."""

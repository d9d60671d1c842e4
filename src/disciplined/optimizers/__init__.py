"""Optimiser steps with scheduled tensors, clipping, and the groups of parameters they step."""

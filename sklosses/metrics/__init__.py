"""What is scored but not differentiated."""

from ._skill import d2_loss_score

__all__ = ["d2_loss_score"]

"""What `certify` does: the samples of each kind of loss, and the checks."""

"""What estimators share: parameters, data, the choice of a solver, what is watched and shown."""

"""What learns: scikit-learn estimators that are fitted inside a fold, on its training rows only."""

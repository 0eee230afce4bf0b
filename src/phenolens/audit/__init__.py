"""What a screen's layout allows, and what it cannot answer however good the features are.

Checks look at the design alone: plates, wells, treatments, controls, batches, folds. So a study can
be audited before anything is measured, and so can the design that somebody else declares. Those
that look at features too find none then, and are silent. A check is a function of a file of its own
in ``audit/checks/`` that registers itself (:func:`phenolens.audit.audit.check`); its words are in
``words/audit.py``.
"""

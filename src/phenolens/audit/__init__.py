"""What a screen's layout allows, and what it cannot answer however good the features are.

Every check looks at the design alone: plates, wells, treatments, controls, batches, folds. None
reads a feature, so a study can be audited before anything is measured, and so can the design that
somebody else declares. A check is a function of a file of its own in ``audit/checks/`` that
registers itself (:func:`phenolens.audit.audit.check`); its words are in ``words/audit.py``.
"""

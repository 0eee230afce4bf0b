"""The steps of a study, one file a step; each registers itself (:mod:`phenolens.study.step`)."""
